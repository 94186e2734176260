/** Buffers come in multiples of this, so that one is used again for what is nearly as long. */
const STEP: number = 2 ** 16;

/** Memory for replies, used again: a new large buffer costs more than filling it. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>();
  readonly #keepBytes: number;
  #keptBytes = 0;

  /** @param keepBytes how many bytes are kept for later at most. */
  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /** At least `length` bytes, with anything in them. */
  take(length: number): Buffer {
    const size = Math.ceil(length / STEP) * STEP;
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return buffer;
  }

  /** What nobody reads or writes any more, and `take` gave. */
  giveBack(buffer: Buffer): void {
    const size = buffer.length;
    if (size > this.#keepBytes) return;
    // Full of what nobody took: other sizes are asked for now.
    if (this.#keptBytes + size > this.#keepBytes) this.#clear();
    this.#keptBytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
  }

  #clear(): void {
    this.#free.clear();
    this.#keptBytes = 0;
  }
}
