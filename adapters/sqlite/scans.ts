import type { ByteRange } from "../../lib/index.ts";
import type { FileRun } from "./between/clone-calls.ts";
import type { LocalPages } from "./between/local-pages.ts";
import { type PageReader, Siblings } from "./btree/index.ts";
import { rangesOfPages } from "./clone-pages.ts";

/** A page belongs to a scan if it comes so soon after the last one that is known of, in bytes. */
const NEAR: number = 512 * 2 ** 10;
/** How far a scan is read ahead of at first, and at most, in bytes. */
const FIRST_AHEAD: number = 256 * 2 ** 10;
const MOST_AHEAD: number = 8 * 2 ** 20;
/** What lies between pages that are fetched is fetched too where it is no more than this. */
const GAP_SIZE: number = 64 * 2 ** 10;
/** So much of the file read in its order is a scan of it. */
const RUN_SIZE: number = 32 * 2 ** 10;
/** So many b-trees are followed at once: a query may go through some, and look up in others. */
const MOST_SCANS = 8;

/** Where somebody is who reads pages. */
export interface ScanPlace {
  readonly offset: number;
  readonly length: number;
  readonly run: FileRun;
  /** The page, if it may be an interior one. */
  readonly bytes?: Uint8Array | undefined;
}

/** So many interior pages are read ahead at most: those with few children would be many. */
const MOST_PARENTS = 64;

interface Scan {
  readonly last: number;
  /** What was to be fetched, in order. */
  readonly ahead: readonly number[];
}

/**
 * Recognizes who goes through the leaves of a b-tree in their order, wherever they lie, or through
 * the file itself, and says what is read next.
 */
export class Scans {
  readonly siblings: Siblings;
  readonly #layout: PageReader;
  readonly #pageSize: number;
  /** By the top of the b-tree, the one of use most lately last. */
  readonly #scans = new Map<number, Scan>();
  /** Interior pages that are being read. */
  readonly #looked = new Set<number>();
  /** Up to here the file was asked for. */
  #fileEnd = 0;

  constructor(layout: PageReader) {
    this.#layout = layout;
    this.siblings = new Siblings(layout);
    this.#pageSize = layout.header.pageSize;
  }

  /** What to fetch now, if anything; some of it may have been said before. */
  at({ offset, length, run, bytes }: ScanPlace, local: LocalPages): readonly ByteRange[] {
    const size = this.#pageSize;
    const pgno = Math.floor(offset / size) + 1;
    const isWhole = length === size && offset % size === 0;
    if (!isWhole || (bytes !== undefined && this.siblings.see(pgno, bytes))) return [];
    const next = this.#ofTree(pgno);
    if (next === undefined) return this.#ofFile(run);
    const missing = next.filter((pgno) => !local.has((pgno - 1) * size, size));
    return rangesOfPages(missing, size, GAP_SIZE);
  }

  /** What follows this page; undefined where it is not known to belong to a scan. */
  #ofTree(pgno: number): readonly number[] | undefined {
    const { siblings } = this;
    const top = siblings.topOf(pgno);
    const scan = this.#scans.get(top);
    if (top === pgno) return undefined;
    if (scan?.last === pgno) return [];
    const place = scan?.ahead.indexOf(pgno) ?? -1;
    const isNext = place !== -1 || this.#isNear(scan, pgno);
    if (!isNext) {
      this.#keep(top, { last: pgno, ahead: [] });
      return undefined;
    }
    const before = scan?.ahead ?? [];
    if (place !== -1 && place < before.length / 2) {
      this.#keep(top, { last: pgno, ahead: before });
      return [];
    }
    const bytes = Math.min(MOST_AHEAD, Math.max(FIRST_AHEAD, 2 * before.length * this.#pageSize));
    const count = Math.ceil(bytes / this.#pageSize);
    const { pages, unseen } = siblings.after(pgno, count);
    this.#keep(top, { last: pgno, ahead: pages });
    this.#look(unseen);
    const parent = siblings.parentOf(pgno) as number;
    const parents = Math.ceil((2 * count) / siblings.childCountOf(parent));
    const above = siblings.after(parent, Math.min(MOST_PARENTS, parents));
    for (const page of [...above.pages, above.unseen]) this.#look(page);
    return pages;
  }

  /** Reads an interior page that nobody has read yet, which says what comes later. */
  #look(parent: number | undefined): void {
    if (parent === undefined || this.siblings.childCountOf(parent) > 0) return;
    if (this.#looked.has(parent)) return;
    this.#looked.add(parent);
    this.#layout
      .read(parent)
      .then((bytes) => this.siblings.see(parent, bytes))
      .catch(() => {}) // who scans will read it, and be told
      .finally(() => this.#looked.delete(parent));
  }

  #isNear(scan: Scan | undefined, pgno: number): boolean {
    if (scan === undefined) return false;
    const next = this.siblings.after(scan.last, Math.ceil(NEAR / this.#pageSize));
    return next.pages.includes(pgno);
  }

  #keep(top: number, scan: Scan): void {
    this.#scans.delete(top);
    this.#scans.set(top, scan);
    if (this.#scans.size <= MOST_SCANS) return;
    this.#scans.delete(this.#scans.keys().next().value as number);
  }

  #ofFile({ end, length }: FileRun): readonly ByteRange[] {
    if (length < RUN_SIZE) return [];
    const ahead = Math.min(MOST_AHEAD, Math.max(FIRST_AHEAD, 2 * length));
    const left = this.#fileEnd - end;
    const isElsewhere = left < 0 || left > MOST_AHEAD;
    if (!isElsewhere && left > (ahead * 3) / 4) return [];
    this.#fileEnd = end + ahead;
    return [{ offset: end, length: ahead }];
  }
}
