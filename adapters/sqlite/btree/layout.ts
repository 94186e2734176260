import { corruptPage } from "./corrupt.ts";
import type { DatabaseHeader } from "./database-header.ts";

/** What lies where in a database. Page numbers begin with 1. */
export interface Layout {
  readonly header: DatabaseHeader;
  /** How many pages there are: no number is above it, and no work is more than it allows. */
  readonly pageCount: number;
}

/** Where SQLite locks files: section 1.4 of the file format. */
const LOCK_OFFSET = 0x40000000;

/** The page that is never used, since it holds the byte at which SQLite locks files. */
export function lockPage({ header }: Layout): number {
  return LOCK_OFFSET / header.pageSize + 1;
}

/** Whether this is one of the pages that tell of other pages what they are: section 1.8. */
export function isPointerMapPage(layout: Layout, pgno: number): boolean {
  if (!layout.header.isAutoVacuum || pgno < 2) return false;
  const stride = pointerMapStride(layout);
  const first = 2 + Math.floor((pgno - 2) / stride) * stride;
  return pgno === afterLockPage(layout, first);
}

/** Every page of the pointer map, ascending; none in a database that is not auto-vacuum. */
export function* pointerMapPages(layout: Layout): Generator<number, void, undefined> {
  if (!layout.header.isAutoVacuum) return;
  for (let first = 2; first <= layout.pageCount; first += pointerMapStride(layout)) {
    const pgno = afterLockPage(layout, first);
    if (pgno <= layout.pageCount) yield pgno;
  }
}

/** Whether a page of this number can belong to a b-tree, an overflow chain or the freelist. */
export function isContentPage(layout: Layout, pgno: number): boolean {
  if (!Number.isInteger(pgno) || pgno < 1 || pgno > layout.pageCount) return false;
  return pgno !== lockPage(layout) && !isPointerMapPage(layout, pgno);
}

/**
 * Checks the number of a page that another one names.
 *
 * @param pgno the page that names it, `at` so many bytes from its beginning.
 * @param what the page is to be, for the message.
 * @throws {HeadwaterError} `CORRUPT` when no page of this number can be that.
 */
export function checkContentPage(
  layout: Layout,
  named: number,
  pgno: number,
  at: number,
  what: string,
): void {
  // The first page is the root of the schema, and nobody names it.
  if (named !== 1 && isContentPage(layout, named)) return;
  const message = `${what} is page ${named}, and cannot be: ${layout.pageCount} pages`;
  throw corruptPage(layout.header.pageSize, pgno, at, message);
}

/** A pointer-map page, and the pages after it of which it tells in five bytes each. */
function pointerMapStride({ header }: Layout): number {
  return Math.floor(header.usableSize / 5) + 1;
}

function afterLockPage(layout: Layout, pgno: number): number {
  return pgno === lockPage(layout) ? pgno + 1 : pgno;
}
