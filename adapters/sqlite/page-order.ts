import { type ByteRange, type Clone, isHeadwaterError } from "../../lib/index.ts";
import {
  freelist,
  type PageReader,
  PageSet,
  readSchema,
  type Siblings,
  walkBTrees,
} from "./btree/index.ts";

/** After everything that anybody names, and before the pages that hold nothing. */
const USED_PRIORITY: number = -(2 ** 30);

/**
 * Has the pages of a database come in an order that suits its queries: the interior pages of all
 * b-trees first, since every look-up goes through them, and what the free list says is unused last.
 *
 * @param siblings told of each interior page.
 */
export async function orderPages(
  clone: Clone,
  reader: PageReader,
  siblings: Siblings,
  signal: AbortSignal,
): Promise<void> {
  try {
    const schema = await readSchema(reader, { signal });
    const seen = new PageSet();
    for await (const { page, children } of walkBTrees(reader, schema.rootPages(), {
      seen,
      signal,
    })) {
      if (!page.isLeaf) siblings.add(page.pgno, children);
    }
    const ranges = await usedRanges(reader, seen, clone.size, signal);
    if (ranges === undefined) return;
    await clone.hydrate({ ranges, priority: USED_PRIORITY, signal });
  } catch (error) {
    // Nobody waits for it: a database that is no database, or cannot be read now, has no order.
    if (!signal.aborted && !isHeadwaterError(error)) throw error;
  }
}

/** All but the leaves of the free list; undefined where it has none. */
async function usedRanges(
  reader: PageReader,
  seen: PageSet,
  size: number,
  signal: AbortSignal,
): Promise<ByteRange[] | undefined> {
  if (reader.header.freelistCount === 0) return undefined;
  const unused: number[] = [];
  for await (const { leaves } of freelist(reader, { signal, seen })) unused.push(...leaves);
  if (unused.length === 0) return undefined;
  const { pageSize } = reader.header;
  const ranges: ByteRange[] = [];
  let from = 0;
  for (const pgno of unused.sort((one, other) => one - other)) {
    const offset = (pgno - 1) * pageSize;
    if (offset > from) ranges.push({ offset: from, length: offset - from });
    from = offset + pageSize;
  }
  if (from < size) ranges.push({ offset: from, length: size - from });
  return ranges;
}
