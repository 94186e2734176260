/** Bits in a word. */
const WORD_BITS = 32;

/**
 * Which parts of a database file can be read at once, as bits in memory that all threads share. A
 * bit is set after the bytes of its region are in the file. What lies past the last region is local
 * too: it was never the source's.
 */
export class LocalPages {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #shift: number;
  readonly #regionCount: number;

  /**
   * @param regionSize in bytes, a power of two.
   * @param memory of another thread's; without it nothing is local.
   */
  constructor(regionSize: number, regionCount: number, memory?: SharedArrayBuffer) {
    const words = Math.ceil(regionCount / WORD_BITS);
    this.memory = memory ?? new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.memory);
    this.#shift = Math.log2(regionSize);
    this.#regionCount = regionCount;
  }

  get regionCount(): number {
    return this.#regionCount;
  }

  /** Whether every byte of a range, which is not empty, can be read. */
  has(offset: number, length: number): boolean {
    const last = Math.min(this.#regionOf(offset + length - 1), this.#regionCount - 1);
    for (let region = this.#regionOf(offset); region <= last; region += 1) {
      if ((Atomics.load(this.#words, region >>> 5) & (1 << (region & 31))) === 0) return false;
    }
    return true;
  }

  /** Marks whole regions: the range begins and ends with one. */
  add(offset: number, length: number): void {
    const end = Math.min(this.#regionOf(offset + length - 1) + 1, this.#regionCount);
    for (let region = this.#regionOf(offset); region < end; ) {
      const bit = region & 31;
      const count = Math.min(WORD_BITS - bit, end - region);
      const mask = count === WORD_BITS ? -1 : ((1 << count) - 1) << bit;
      Atomics.or(this.#words, region >>> 5, mask);
      region += count;
    }
  }

  #regionOf(offset: number): number {
    return offset < 2 ** 31 ? offset >>> this.#shift : Math.floor(offset / 2 ** this.#shift);
  }
}
