import type { Clock } from "./clock.ts";

/** A limit of bytes a second that can be changed at any time. 0 is without limit. */
export class ByteRate {
  readonly #clock: Clock;
  #bytesPerSecond: number;
  /** When everything taken so far has been paid for, in the clock's milliseconds. */
  #paidAt = 0;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  set bytesPerSecond(limit: number) {
    this.#bytesPerSecond = limit;
    this.#paidAt = 0;
    for (const changed of this.#listeners) changed();
  }

  /** Calls back when the limit becomes another, until the returned function is called. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Takes so many bytes, and returns how many milliseconds to wait before taking more. */
  take(bytes: number): number {
    if (this.#bytesPerSecond === 0) return 0;
    const now = this.#clock.now();
    this.#paidAt = Math.max(this.#paidAt, now) + (bytes / this.#bytesPerSecond) * 1000;
    return this.#paidAt - now;
  }
}
