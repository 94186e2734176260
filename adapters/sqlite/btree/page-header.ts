import type { HeadwaterError } from "../../../lib/index.ts";
import { corruptPage } from "./corrupt.ts";
import { DATABASE_HEADER_SIZE } from "./database-header.ts";
import { isContentPage, type Layout } from "./layout.ts";

/** Tables have their rows in leaves, by rowid; indexes, and tables without rowid, in all pages. */
export type BTreeKind = "table" | "index";

/** A page of a b-tree. One that was parsed has its cells within its bytes. */
export interface BTreePage {
  readonly pgno: number;
  /** The whole page. */
  readonly bytes: Uint8Array;
  readonly kind: BTreeKind;
  readonly isLeaf: boolean;
  readonly cellCount: number;
  /** Where the cell pointers begin, two bytes for each cell. */
  readonly cellPointers: number;
}

/** The b-tree page flags: section 1.6. */
const TYPES: Readonly<Record<number, { readonly kind: BTreeKind; readonly isLeaf: boolean }>> = {
  2: { kind: "index", isLeaf: false },
  5: { kind: "table", isLeaf: false },
  10: { kind: "index", isLeaf: true },
  13: { kind: "table", isLeaf: true },
};

/** The right-most pointer is the last field of an interior page's header. */
const RIGHTMOST_AT = 8;
const LEAF_HEADER_SIZE = 8;
const INTERIOR_HEADER_SIZE = 12;
/** SQLite reads four bytes of a cell without looking, and keeps no cell smaller. */
const MIN_CELL_SIZE = 4;

/**
 * Parses the header of a b-tree page, and sees that its cells begin within the page.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is none.
 */
export function parseBTreePage(layout: Layout, pgno: number, bytes: Uint8Array): BTreePage {
  const { pageSize, usableSize } = layout.header;
  const start = pgno === 1 ? DATABASE_HEADER_SIZE : 0;
  const fail = (at: number, message: string): HeadwaterError =>
    corruptPage(pageSize, pgno, at, message);
  if (!isContentPage(layout, pgno)) throw fail(0, "a page that can be no part of a b-tree");

  const view = viewOf(bytes);
  const type = TYPES[view.getUint8(start)];
  if (type === undefined) throw fail(start, `b-tree page type ${view.getUint8(start)}`);
  const cellCount = view.getUint16(start + 3);
  // A root without a cell has one child: SQLite makes that of its first page only.
  if (!type.isLeaf && cellCount === 0 && pgno !== 1) throw fail(start + 3, "no cell, and no leaf");

  const cellPointers = start + (type.isLeaf ? LEAF_HEADER_SIZE : INTERIOR_HEADER_SIZE);
  const pointersEnd = cellPointers + 2 * cellCount;
  if (pointersEnd > usableSize) throw fail(start + 3, `${cellCount} cells in ${usableSize} bytes`);
  for (let at = cellPointers; at < pointersEnd; at += 2) {
    const cell = view.getUint16(at);
    if (cell >= pointersEnd && cell + MIN_CELL_SIZE <= usableSize) continue;
    throw fail(at, `a cell at ${cell}, and they lie between ${pointersEnd} and ${usableSize}`);
  }
  return { pgno, bytes, ...type, cellCount, cellPointers };
}

/** Where in an interior page the number of its last child is. */
export function rightmostAt({ pgno }: BTreePage): number {
  return (pgno === 1 ? DATABASE_HEADER_SIZE : 0) + RIGHTMOST_AT;
}

export function viewOf(bytes: Uint8Array): DataView {
  // A Uint8Array may start in the middle of its buffer.
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
