import type { HeadwaterError } from "../../../lib/index.ts";
import { corruptPage } from "./corrupt.ts";
import { checkContentPage, type Layout } from "./layout.ts";
import { type BTreePage, rightmostAt, viewOf } from "./page-header.ts";
import { type Cursor, readVarint } from "./varint.ts";

/** Each overflow page begins with the number of the next one, or 0: section 1.7. */
export const OVERFLOW_HEADER_SIZE = 4;

/** SQLite has no row of more bytes. */
const MAX_PAYLOAD_SIZE = 0x7fffffff;
const CHILD_SIZE = 4;

/** Where the rest of a payload is that its page has no room for. */
export interface OverflowHead {
  /** The first page of the chain. */
  readonly pgno: number;
  /** Bytes of the payload in the chain. */
  readonly length: number;
  /** How many pages those take. */
  readonly pageCount: number;
}

/** What a cell holds: a record, or its beginning. */
export interface Payload {
  /** Where it begins in the page. */
  readonly at: number;
  /** How many bytes of it are in the page. */
  readonly length: number;
  readonly overflow: OverflowHead | undefined;
}

/**
 * The pages below an interior page, in the order of their keys.
 *
 * @param page none that is a leaf.
 * @throws {HeadwaterError} `CORRUPT` when one of them cannot be.
 */
export function childrenOf(layout: Layout, page: BTreePage): Uint32Array {
  const view = viewOf(page.bytes);
  const children = new Uint32Array(page.cellCount + 1);
  for (let index = 0; index <= page.cellCount; index += 1) {
    const pointer = page.cellPointers + 2 * index;
    const at = index === page.cellCount ? rightmostAt(page) : view.getUint16(pointer);
    const child = view.getUint32(at);
    checkContentPage(layout, child, page.pgno, at, "a child");
    children[index] = child;
  }
  return children;
}

/**
 * What the cells of a page hold, in the order of their keys; nothing of the interior pages of a
 * table, whose cells are keys only.
 *
 * @throws {HeadwaterError} `CORRUPT` when a cell, or what it says of its payload, cannot be.
 */
export function* payloadsOf(layout: Layout, page: BTreePage): Generator<Payload, void, undefined> {
  if (page.kind === "table" && !page.isLeaf) return;
  const view = viewOf(page.bytes);
  for (let index = 0; index < page.cellCount; index += 1) {
    const cell = view.getUint16(page.cellPointers + 2 * index);
    const at = page.isLeaf ? cell : cell + CHILD_SIZE;
    yield readPayload(layout, page, { bytes: page.bytes, at, end: layout.header.usableSize });
  }
}

/** Where the payloads of a page go on that it has no room for, in the order of their keys. */
export function overflowHeads(layout: Layout, page: BTreePage): OverflowHead[] {
  const heads: OverflowHead[] = [];
  for (const { overflow } of payloadsOf(layout, page)) if (overflow) heads.push(overflow);
  return heads;
}

/** Section 1.6, "B-tree Cell Format". The cursor is where the payload's size is. */
function readPayload(layout: Layout, page: BTreePage, cursor: Cursor): Payload {
  const start = cursor.at;
  const fail = (message: string): HeadwaterError =>
    corruptPage(layout.header.pageSize, page.pgno, start, message);
  const size = readVarint(cursor);
  const rowid = page.kind === "table" ? readVarint(cursor) : 0;
  if (size === undefined || rowid === undefined) throw fail("a cell that the page cuts off");
  if (size > MAX_PAYLOAD_SIZE) throw fail(`a payload of ${size} bytes`);

  const { at, end } = cursor;
  const length = localLength(layout.header.usableSize, page, size);
  const pointerAt = at + length;
  const isWhole = length === size;
  if (pointerAt + (isWhole ? 0 : OVERFLOW_HEADER_SIZE) > end) {
    throw fail(`a payload of ${size} bytes, of which ${length} at ${at} leave the page`);
  }
  if (isWhole) return { at, length, overflow: undefined };

  const pgno = viewOf(page.bytes).getUint32(pointerAt);
  checkContentPage(layout, pgno, page.pgno, pointerAt, "an overflow page");
  const rest = size - length;
  const pageCount = Math.ceil(rest / (layout.header.usableSize - OVERFLOW_HEADER_SIZE));
  if (pageCount > layout.pageCount) {
    throw fail(`${rest} bytes of overflow in a database of ${layout.pageCount} pages`);
  }
  return { at, length, overflow: { pgno, length: rest, pageCount } };
}

/** How many bytes of a payload its page keeps, in the letters of the format's description. */
function localLength(usableSize: number, { kind }: BTreePage, size: number): number {
  const U = usableSize;
  const X = kind === "table" ? U - 35 : Math.floor(((U - 12) * 64) / 255) - 23;
  if (size <= X) return size;
  const M = Math.floor(((U - 12) * 32) / 255) - 23;
  const K = M + ((size - M) % (U - 4));
  return K <= X ? K : M;
}
