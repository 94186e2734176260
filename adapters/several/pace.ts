/** What the latest value weighs in a mean. */
const WEIGHT = 0.3;

/** How fast a source answered lately. */
export class Pace {
  /** Milliseconds until the first byte. */
  #latencyMs: number | undefined;
  /** Milliseconds for a byte, the first one's included. */
  #msPerByte: number | undefined;

  /** @param firstMs until the first byte, `allMs` until the last of `bytes`. */
  add(firstMs: number, allMs: number, bytes: number): void {
    this.#latencyMs = mean(this.#latencyMs, firstMs);
    this.#msPerByte = mean(this.#msPerByte, allMs / bytes);
  }

  /** What so many bytes will take, as far as anybody can tell. */
  expectMs(bytes: number): number | undefined {
    if (this.#latencyMs === undefined || this.#msPerByte === undefined) return undefined;
    return Math.max(this.#latencyMs, this.#msPerByte * bytes);
  }
}

function mean(before: number | undefined, now: number): number {
  return before === undefined ? now : before + (now - before) * WEIGHT;
}
