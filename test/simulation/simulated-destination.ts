import { type DestinationDevice, HeadwaterError } from "../../lib/index.ts";
import { SECTOR_SIZE, SectorVersions } from "../devices/sector-versions.ts";
import type { Random } from "./random.ts";
import { delayOf, type Scene, type Temper } from "./scene.ts";

export interface DestinationTemper extends Temper {
  readonly readsAtOnce: boolean;
  /** Whether a write can be seen in part before it is whole. */
  readonly tears: boolean;
  /** It has no space left from the first of these milliseconds to the second. */
  readonly fullMs: readonly [number, number];
  /** Whether it can be told from another one, and takes a final name. */
  readonly isNamed: boolean;
}

/** A part of a change that takes effect at once, for a crash as well. */
interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A local disk that is slow and fails, and loses what was not flushed when its power is cut. */
export class SimulatedDestination implements DestinationDevice {
  readonly size: number;
  readonly versions: SectorVersions;
  underWay = 0;
  /** Why it must not be used now, if so. */
  forbidden: string | undefined;
  faults: number;
  isFull = true;
  /** Whether a flush failed, and what it should have made durable never will be. */
  hasLost = false;
  /** Called where a final name is given. */
  onFinish = (): void => {};
  declare fingerprint?: () => Promise<string>;
  declare finish?: () => Promise<void>;
  declare readIntoSync?: (offset: number, target: Uint8Array) => boolean;
  readonly #temper: DestinationTemper;
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #changing = new Set<{ readonly offset: number; readonly end: number }>();
  /** What has begun and not yet taken effect. */
  readonly #pending = new Set<Part>();

  constructor(versions: SectorVersions, temper: DestinationTemper, scene: Scene, random: Random) {
    this.versions = versions;
    this.size = versions.current.length;
    this.#temper = temper;
    this.#scene = scene;
    this.#random = random;
    this.faults = temper.faults;
    if (temper.readsAtOnce) this.readIntoSync = (...call) => this.#readAtOnce(...call);
    if (!temper.isNamed) return;
    this.fingerprint = async () => this.#operation("fingerprint", 0, 0, () => "the finger's print");
    this.finish = () => this.#operation("finish", 0, 0, () => this.onFinish());
  }

  readInto(offset: number, target: Uint8Array): Promise<void> {
    return this.#operation("read", offset, target.length, () => {
      target.set(this.versions.current.subarray(offset, offset + target.length));
    });
  }

  write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    return this.#change("write", offset, new Uint8Array(Buffer.concat(pieces)));
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#change("discard", offset, new Uint8Array(length));
  }

  flush(): Promise<void> {
    const mark = this.versions.mark();
    const work = this.#operation("flush", 0, 0, () => this.versions.settle(mark));
    work.catch((error) => {
      // What could not be written is forgotten, and the next flush does not miss it.
      if (error instanceof HeadwaterError) return;
      this.versions.lose(mark);
      this.hasLost = true;
    });
    return work;
  }

  resize(): Promise<void> {
    return Promise.reject(new Error("this disk keeps its size"));
  }

  async close(): Promise<void> {
    this.#scene.report("the clone closed a destination that is not its own");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is found afterwards: only what was flushed is sure to survive without power. */
  survivor(isPowerLost: boolean, random: Random): SectorVersions {
    for (const { offset, bytes } of this.#pending) {
      if (isPowerLost || random.chance(0.5)) this.versions.write(offset, bytes);
    }
    if (!isPowerLost) return this.versions;
    return new SectorVersions(this.versions.survivor((count) => random.below(count)));
  }

  #readAtOnce(offset: number, target: Uint8Array): boolean {
    if (target.length > 16_384) return false;
    target.set(this.versions.current.subarray(offset, offset + target.length));
    return true;
  }

  async #change(what: string, offset: number, bytes: Uint8Array): Promise<void> {
    const mine = { offset, end: offset + bytes.length };
    for (const { offset: start, end } of this.#changing) {
      if (mine.end <= start || end <= offset) continue;
      this.#scene.report(`${what} ${offset}+${bytes.length}: changed twice at the same time`);
    }
    const left = partsOf(offset, bytes);
    this.#changing.add(mine);
    for (const part of left) this.#pending.add(part);
    try {
      if (this.#temper.tears && this.#random.chance(0.3)) {
        await this.#pause();
        this.#apply(left.splice(0, this.#random.below(left.length)));
      }
      await this.#operation(what, offset, bytes.length, () => this.#apply(left));
    } catch (error) {
      this.#apply(left.filter(() => this.#random.chance(0.5)));
      throw error;
    } finally {
      this.#changing.delete(mine);
      for (const part of left) this.#pending.delete(part);
    }
  }

  #apply(parts: readonly Part[]): void {
    for (const part of parts) {
      this.versions.write(part.offset, part.bytes);
      this.#pending.delete(part);
    }
  }

  async #operation<T>(what: string, offset: number, length: number, act: () => T): Promise<T> {
    const { timeline, log } = this.#scene;
    log.note(timeline.now(), `destination: ${what} %+% begins`, offset, length);
    if (this.forbidden !== undefined) this.#scene.report(`${what} ${this.forbidden}`);
    this.underWay += 1;
    try {
      await this.#pause();
      this.#mayFail(what, offset, length);
      const result = act();
      log.note(timeline.now(), `destination: ${what} %+% done`, offset, length);
      return result;
    } finally {
      this.underWay -= 1;
    }
  }

  #mayFail(what: string, offset: number, length: number): void {
    const { timeline, log } = this.#scene;
    const [full, again] = this.#temper.fullMs;
    const needsSpace = what === "write" || what === "flush";
    const now = timeline.now();
    if (needsSpace && this.isFull && full <= now && now < again) {
      log.note(now, `destination: ${what} %+% finds no space`, offset, length);
      throw new HeadwaterError("DESTINATION_FULL", `no space to ${what} at ${offset}`);
    }
    if (!this.#random.chance(this.faults)) return;
    log.note(now, `destination: ${what} %+% fails`, offset, length);
    throw new Error(`the destination cannot ${what} at ${offset}`);
  }

  #pause(): Promise<void> {
    return this.#scene.timeline.sleep(delayOf(this.#temper, this.#random));
  }
}

/** Cut where sectors begin. */
function partsOf(offset: number, bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  let at = 0;
  while (at < bytes.length) {
    const next = Math.min(bytes.length, at + SECTOR_SIZE - ((offset + at) % SECTOR_SIZE));
    parts.push({ offset: offset + at, bytes: bytes.subarray(at, next) });
    at = next;
  }
  return parts;
}
