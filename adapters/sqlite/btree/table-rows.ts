import { OVERFLOW_HEADER_SIZE, type OverflowHead, payloadsOf } from "./cells.ts";
import { corruptPage } from "./corrupt.ts";
import { overflowPages } from "./overflow.ts";
import { parseBTreePage } from "./page-header.ts";
import type { PageReader } from "./page-reader.ts";
import { PageSet } from "./page-set.ts";
import { readInOrder } from "./read-pages.ts";
import { leafPages, type WalkOptions } from "./walk.ts";

/** One row of a table. */
export interface TableRow {
  /** The leaf that has it, and where in that it begins. */
  readonly pgno: number;
  readonly at: number;
  /** The whole record. */
  readonly bytes: Uint8Array;
}

interface Chain extends OverflowHead {
  readonly target: Uint8Array;
  /** How much of the target is filled. */
  filled: number;
}

/**
 * Every row of a table, whole and in memory, in the order of the rowids.
 *
 * @param most bytes of all rows together.
 * @throws {HeadwaterError} `CORRUPT` when the pages form no such table, or one with more bytes.
 */
export async function readTableRows(
  reader: PageReader,
  root: number,
  most: number,
  options: WalkOptions = {},
): Promise<TableRow[]> {
  const { usableSize, pageSize } = reader.header;
  const seen = options.seen ?? new PageSet();
  const rows: TableRow[] = [];
  const chains: Chain[] = [];
  let size = 0;
  let overflowCount = 0;
  for await (const leaves of leafPages(reader, root, { ...options, seen })) {
    for await (const { pgno, bytes } of readInOrder(reader, leaves, options)) {
      const page = parseBTreePage(reader, pgno, bytes);
      if (page.kind !== "table" || !page.isLeaf) {
        throw corruptPage(pageSize, pgno, 0, `no leaf of a table, in that with root ${root}`);
      }
      for (const { at, length, overflow } of payloadsOf(reader, page)) {
        size += length + (overflow?.length ?? 0);
        overflowCount += overflow?.pageCount ?? 0;
        if (size > most || overflowCount > reader.pageCount) {
          const message = `${size} bytes of rows or more in the table with root ${root}`;
          throw corruptPage(pageSize, pgno, at, message);
        }
        const target = new Uint8Array(length + (overflow?.length ?? 0));
        target.set(bytes.subarray(at, at + length));
        rows.push({ pgno, at, bytes: target });
        if (overflow !== undefined) chains.push({ ...overflow, target, filled: length });
      }
    }
  }
  for await (const { head, bytes } of overflowPages(reader, chains, {
    ...options,
    seen,
    whole: true,
  })) {
    const part = bytes?.subarray(OVERFLOW_HEADER_SIZE, usableSize) ?? new Uint8Array();
    const wanted = part.subarray(0, head.target.length - head.filled);
    head.target.set(wanted, head.filled);
    head.filled += wanted.length;
  }
  return rows;
}
