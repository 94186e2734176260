/** A read in the background of at least this size needs nothing fetched beyond it. */
const LARGE_READ: number = 4 * 2 ** 20;
/** What is fetched beyond smaller ones that follow one another, at most. */
const MOST_AHEAD: number = 4 * 2 ** 20;

/** Reads in the background that follow one another, as bytes of the database. */
export interface Sweep {
  /** How far to fetch beyond the last one: no further than was read before it. */
  readonly ahead: number;
  /** What was read so far, the last one included. */
  readonly swept: number;
}

/** Recognizes sweeps. What has gone on for so long is taken to go on for as long again. */
export class Sweeping {
  #nextPage: number = Number.POSITIVE_INFINITY;
  #swept = 0;

  /** The sweep to which a read of pages `first` to before `end` belongs. */
  add(first: number, end: number, bytes: number): Sweep {
    const skipped = first - this.#nextPage;
    const follows = skipped >= 0 && skipped <= (end - first) / 8;
    const before = follows ? this.#swept : 0;
    this.#nextPage = end;
    this.#swept = before + bytes;
    return { ahead: bytes >= LARGE_READ ? 0 : Math.min(MOST_AHEAD, before), swept: this.#swept };
  }
}
