/** Rises with everything that a waiting thread should look at. */
const WAKE = 0;
const ENDED = 1;
const CANCELLED = 2;
const WORD_BITS = 32;
/** Work that waits behind as many others cannot be told from the last of them. */
const PLACES: number = 2 ** 16;

/** What runs without a number: only the end of the connection interrupts it. */
export const UNNUMBERED = 0;

/**
 * Ends what another thread runs or waits for, in memory that both share. Work has a number, so that
 * what is over, or has not begun, is not taken for what is meant.
 */
export class Interruption {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  /** What this thread does now. */
  current: number = UNNUMBERED;

  /** @param memory of another thread's. */
  constructor(memory?: SharedArrayBuffer) {
    const bytes = (CANCELLED + PLACES / WORD_BITS) * Int32Array.BYTES_PER_ELEMENT;
    this.memory = memory ?? new SharedArrayBuffer(bytes);
    this.#words = new Int32Array(this.memory);
  }

  /** Whether what this thread does now is to end. */
  get isSet(): boolean {
    if (this.isEnded) return true;
    if (this.current === UNNUMBERED) return false;
    const { word, bit } = placeOf(this.current);
    return (Atomics.load(this.#words, word) & bit) !== 0;
  }

  /** Before work with that number is given to the other thread. */
  expect(work: number): void {
    const { word, bit } = placeOf(work);
    Atomics.and(this.#words, word, ~bit);
  }

  /** Ends that work, or keeps it from beginning. */
  cancel(work: number): void {
    const { word, bit } = placeOf(work);
    Atomics.or(this.#words, word, bit);
    this.wake();
  }

  /** Nothing is done, answered or waited for any more. */
  end(): void {
    Atomics.store(this.#words, ENDED, 1);
    this.wake();
  }

  get isEnded(): boolean {
    return Atomics.load(this.#words, ENDED) !== 0;
  }

  wake(): void {
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  /** To be asked for before looking for what one waits for, and given to `waitFrom` afterwards. */
  get wakes(): number {
    return Atomics.load(this.#words, WAKE);
  }

  /** Waits until somebody wakes this thread, for so many milliseconds at most. */
  waitFrom(wakes: number, ms: number): void {
    Atomics.wait(this.#words, WAKE, wakes, ms);
  }
}

function placeOf(work: number): { word: number; bit: number } {
  const place = work % PLACES;
  return { word: CANCELLED + (place >>> 5), bit: 1 << (place & 31) };
}
