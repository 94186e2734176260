/** Rises with everything that a waiting thread should look at. */
const WAKE = 0;
/** How many pieces of work were cancelled so far. */
const COUNT = 1;
const RING = 2;
/** The last ones that were cancelled are remembered; one that waits for longer runs. */
const RING_SIZE = 254;

/** What runs without a number: only the end of everything interrupts it. */
export const UNNUMBERED = 0;
const EVERYTHING = -1;

/**
 * Ends what another thread runs or waits for, in memory that both share. Work has a number, so that
 * what is over, or has not begun, is not taken for what is meant.
 */
export class Interruption {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  #current = UNNUMBERED;
  #seen = 0;
  #isSet = false;

  /** @param memory of another thread's. */
  constructor(memory?: SharedArrayBuffer) {
    const bytes = (RING + RING_SIZE) * Int32Array.BYTES_PER_ELEMENT;
    this.memory = memory ?? new SharedArrayBuffer(bytes);
    this.#words = new Int32Array(this.memory);
  }

  /** What this thread does now. */
  set current(work: number) {
    this.#current = work;
    this.#isSet = false;
    this.#seen = -1; // it may have been cancelled long ago
  }

  /** Whether what this thread does now is to end. */
  get isSet(): boolean {
    const count = Atomics.load(this.#words, COUNT);
    if (count === this.#seen) return this.#isSet;
    this.#seen = count;
    for (let place = 0; place < RING_SIZE; place += 1) {
      const work = Atomics.load(this.#words, RING + place);
      const isCurrent = this.#current !== UNNUMBERED && work === this.#current;
      if (isCurrent || work === EVERYTHING) this.#isSet = true;
    }
    return this.#isSet;
  }

  /** Ends that work, or keeps it from beginning. */
  cancel(work: number): void {
    const count = Atomics.load(this.#words, COUNT);
    Atomics.store(this.#words, RING + (count % RING_SIZE), work);
    Atomics.store(this.#words, COUNT, count + 1);
    this.wake();
  }

  /** For good. */
  cancelEverything(): void {
    this.cancel(EVERYTHING);
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
