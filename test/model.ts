interface Change {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly begun: number;
  /** When it was acknowledged. */
  ended: number;
}

/**
 * What a device may answer, while several users write to it at the same time: for each byte, any
 * write that nobody has surely overwritten.
 */
export class Model {
  readonly #changes: Change[];
  #now = 0;

  constructor(original: Uint8Array) {
    this.#changes = [{ offset: 0, bytes: original.slice(), begun: 0, ended: 0 }];
  }

  /** A write or a discard, of zeros, begins. Returns what to call when it is acknowledged. */
  begin(offset: number, bytes: Uint8Array): () => void {
    this.#now += 1;
    const change = { offset, bytes, begun: this.#now, ended: Number.POSITIVE_INFINITY };
    this.#changes.push(change);
    return () => {
      this.#now += 1;
      change.ended = this.#now;
    };
  }

  /** A read begins. Returns what checks its result, when it has ended. */
  read(offset: number): (bytes: Uint8Array, how: string) => void {
    this.#now += 1;
    const begun = this.#now;
    return (bytes, how) => {
      const simple = this.#latest(offset, bytes.length);
      for (let index = 0; index < bytes.length; index += 1) {
        if (bytes[index] === simple[index]) continue;
        const allowed = this.#allowed(offset + index, begun);
        if (allowed.includes(bytes[index])) continue;
        throw new Error(
          `${how}: byte ${offset + index} is ${bytes[index]}, and may be ${allowed.join(" or ")}`,
        );
      }
    };
  }

  /** As if every change had been made at once when it began. */
  #latest(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const change of this.#changes) {
      const start = Math.max(offset, change.offset);
      const end = Math.min(offset + length, change.offset + change.bytes.length);
      if (start >= end) continue;
      bytes.set(change.bytes.subarray(start - change.offset, end - change.offset), start - offset);
    }
    return bytes;
  }

  #allowed(at: number, begun: number): (number | undefined)[] {
    const changes = this.#changes.filter(
      ({ offset, bytes }) => offset <= at && at < offset + bytes.length,
    );
    const isOver = (change: Change): boolean =>
      changes.some((later) => later.begun > change.ended && later.ended < begun);
    return changes
      .filter((change) => !isOver(change))
      .map(({ offset, bytes }) => bytes[at - offset]);
  }
}
