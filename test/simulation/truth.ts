import { byteOf, type Change, covers, overlaps, parts } from "./change.ts";
import { firstImpossibleSector } from "./crash-truth.ts";

/**
 * What a clone may answer: a plain array that remembers who wrote what, for several users at the
 * same time, and what a crash may leave of it.
 */
export class Truth {
  readonly original: Uint8Array;
  /** As if every change had been made at once when it began. */
  readonly #simple: Uint8Array;
  #changes: Change[] = [];
  #now = 0;
  /** Whether a write or a discard was ever acknowledged. */
  hasWrites = false;

  constructor(original: Uint8Array) {
    this.original = original;
    this.#simple = original.slice();
    this.#settle(original, true);
  }

  begin(offset: number, bytes: Uint8Array): Change {
    this.#now += 1;
    const ended = Number.POSITIVE_INFINITY;
    const change = { offset, bytes, begun: this.#now, ended, isSure: false, isDurable: false };
    this.#changes.push(change);
    this.#simple.set(bytes, offset);
    return change;
  }

  acknowledged(change: Change): void {
    this.#end(change);
    change.isSure = true;
    if (change.bytes.length > 0) this.hasWrites = true;
  }

  /** It may have happened, in whole or in part, but nothing of it happens from now on. */
  failed(change: Change): void {
    this.#end(change);
  }

  /** Names this moment for `flushed`. */
  mark(): number {
    this.#now += 1;
    return this.#now;
  }

  /** What was acknowledged before the mark survives a crash. */
  flushed(mark: number): void {
    for (const change of this.#changes) {
      if (change.isSure && change.ended < mark) change.isDurable = true;
    }
  }

  /** A read begins. Returns what checks its result when it has ended, and says what is wrong. */
  reading(offset: number): (bytes: Uint8Array) => string | undefined {
    this.#now += 1;
    const begun = this.#now;
    return (bytes) => {
      const simple = this.#simple.subarray(offset, offset + bytes.length);
      if (Buffer.compare(bytes, simple) === 0) return undefined;
      const relevant = this.#changes.filter((change) => overlaps(change, offset, bytes.length));
      const isOver = ({ ended }: Change, at: number): boolean =>
        relevant.some(
          (later) =>
            later.isSure && later.begun > ended && later.ended < begun && overlaps(later, at, 1),
        );
      for (const [from, to] of parts(relevant, offset, bytes.length)) {
        const allowed = relevant.filter(
          (change) => overlaps(change, from, 1) && !isOver(change, from),
        );
        for (let at = from; at < to; at += 1) {
          if (allowed.some((change) => byteOf(change, at) === bytes[at - offset])) continue;
          return `byte ${at} is ${bytes[at - offset]}, and may be ${named(allowed, at)}`;
        }
      }
      return undefined;
    };
  }

  /** What was under way is cut short. */
  interrupted(): void {
    for (const change of this.#changes) {
      if (change.ended === Number.POSITIVE_INFINITY) this.#end(change);
    }
  }

  /**
   * Whether a crash can have left this, which from now on is what is there; says what is wrong.
   *
   * @param isDurable whether another crash would leave the same again.
   */
  restarted(found: Uint8Array, isDurable: boolean): string | undefined {
    this.#forget();
    const at = firstImpossibleSector(this.#changes, found, this.#simple);
    if (at !== undefined) return `the sector at ${at} holds what a crash cannot have left there`;
    this.#settle(found, isDurable);
    return undefined;
  }

  /** Everything is as found, and nothing is under way. */
  #settle(found: Uint8Array, isDurable: boolean): void {
    const bytes = found.slice();
    const change = this.begin(0, bytes);
    this.#end(change);
    change.isSure = true;
    change.isDurable = isDurable;
    if (isDurable) this.#changes = [change];
  }

  /** What nobody can find any more. */
  #forget(): void {
    const durable = this.#changes.filter(({ isDurable }) => isDurable);
    this.#changes = this.#changes.filter(
      (change) => !durable.some((later) => later.begun > change.ended && covers(later, change)),
    );
  }

  #end(change: Change): void {
    this.#now += 1;
    change.ended = this.#now;
  }
}

function named(allowed: readonly Change[], at: number): string {
  return [...new Set(allowed.map((change) => byteOf(change, at)))].join(" or ");
}
