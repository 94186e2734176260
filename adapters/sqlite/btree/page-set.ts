/** How many pages one segment tells of. */
const SEGMENT_PAGES = 4096;

/** Numbers of pages, a bit for each. Memory is taken for parts of which there is a page. */
export class PageSet {
  readonly #segments = new Map<number, Uint32Array>();
  #size = 0;

  /** How many pages are in it. */
  get size(): number {
    return this.#size;
  }

  has(pgno: number): boolean {
    const word = this.#segments.get(Math.floor(pgno / SEGMENT_PAGES))?.[wordOf(pgno)] ?? 0;
    return (word & bitOf(pgno)) !== 0;
  }

  /** Returns false when the page was in it already. */
  add(pgno: number): boolean {
    const index = Math.floor(pgno / SEGMENT_PAGES);
    let segment = this.#segments.get(index);
    if (segment === undefined) {
      segment = new Uint32Array(SEGMENT_PAGES / 32);
      this.#segments.set(index, segment);
    }
    const word = segment[wordOf(pgno)] as number;
    if ((word & bitOf(pgno)) !== 0) return false;
    segment[wordOf(pgno)] = word | bitOf(pgno);
    this.#size += 1;
    return true;
  }
}

function wordOf(pgno: number): number {
  return (pgno % SEGMENT_PAGES) >>> 5;
}

function bitOf(pgno: number): number {
  return 1 << (pgno & 31);
}
