import type { ByteRange } from "../../lib/index.ts";
import { type PageReader, Siblings } from "./btree/index.ts";
import { rangesOfPages } from "./clone-pages.ts";

/** A page belongs to a scan if it comes so soon after the last one: some may be local. */
const NEAR = 64;
/** How far a scan is read ahead of at first, in pages, and at most, in bytes. */
const FIRST_AHEAD = 16;
const MOST_AHEAD: number = 8 * 2 ** 20;

/**
 * Recognizes who goes through the leaves of a b-tree in their order, and says what is read next,
 * wherever that lies in the file.
 */
export class Scans {
  readonly siblings: Siblings;
  readonly #pageSize: number;
  readonly #mostAhead: number;
  #last = 0;
  #ahead = 0;

  constructor(layout: PageReader) {
    this.siblings = new Siblings(layout);
    this.#pageSize = layout.header.pageSize;
    this.#mostAhead = Math.max(FIRST_AHEAD, MOST_AHEAD / this.#pageSize);
  }

  /** What a page that somebody had to wait for says of the ones after it: what to fetch, if any. */
  missed(offset: number, bytes: Uint8Array): readonly ByteRange[] {
    const pgno = Math.floor(offset / this.#pageSize) + 1;
    const isWhole = bytes.length === this.#pageSize && offset % this.#pageSize === 0;
    if (!isWhole || this.siblings.see(pgno, bytes)) return [];
    const isNext = this.#last !== 0 && this.siblings.after(this.#last, NEAR).pages.includes(pgno);
    this.#last = pgno;
    this.#ahead = isNext ? Math.min(this.#mostAhead, Math.max(FIRST_AHEAD, this.#ahead * 2)) : 0;
    if (this.#ahead === 0) return [];
    const { pages, unseen } = this.siblings.after(pgno, this.#ahead);
    const wanted = unseen === undefined ? pages : [...pages, unseen];
    return rangesOfPages(wanted, this.#pageSize);
  }
}
