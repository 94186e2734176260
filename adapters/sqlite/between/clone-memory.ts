const GENERATION = 0;
const COMPLETE = 1;
const JOURNALS = 2;
const WORDS = 3;

/** What may lie beside a database: bits of `journals`. */
export const JOURNAL = { ROLLBACK: 1, LOG: 2 } as const;
/** The size comes first, because it takes eight bytes that have to lie at a multiple of eight. */
const SIZE_BYTES = BigInt64Array.BYTES_PER_ELEMENT;

/** What all threads know of a clone, beside which of its pages are local. */
export class CloneMemory {
  readonly memory: SharedArrayBuffer;
  readonly #size: BigInt64Array;
  readonly #words: Int32Array;

  /** @param memory of another thread's. */
  constructor(memory?: SharedArrayBuffer) {
    const bytes = SIZE_BYTES + WORDS * Int32Array.BYTES_PER_ELEMENT;
    this.memory = memory ?? new SharedArrayBuffer(bytes);
    this.#size = new BigInt64Array(this.memory, 0, 1);
    this.#words = new Int32Array(this.memory, SIZE_BYTES, WORDS);
  }

  /** Of the database file, in bytes. */
  get size(): number {
    return Number(Atomics.load(this.#size, 0));
  }

  set size(size: number) {
    Atomics.store(this.#size, 0, BigInt(size));
  }

  /** Rises when the file is another one, or pages are not local any more: with it, ask anew. */
  get generation(): number {
    return Atomics.load(this.#words, GENERATION);
  }

  nextGeneration(): void {
    Atomics.add(this.#words, GENERATION, 1);
  }

  /**
   * Which journals are there, as bits. They are looked for at the beginning of every transaction,
   * and only the connections of this process make and remove them.
   */
  get journals(): number {
    return Atomics.load(this.#words, JOURNALS);
  }

  setJournal(bit: number, isThere: boolean): void {
    if (isThere) Atomics.or(this.#words, JOURNALS, bit);
    else Atomics.and(this.#words, JOURNALS, ~bit);
  }

  /** Whether every page is local. */
  get isComplete(): boolean {
    return Atomics.load(this.#words, COMPLETE) !== 0;
  }

  set isComplete(isComplete: boolean) {
    Atomics.store(this.#words, COMPLETE, isComplete ? 1 : 0);
  }
}
