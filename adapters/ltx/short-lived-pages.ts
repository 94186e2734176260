import type { ByteRange } from "../../lib/index.ts";
import type { ReplicaPages } from "./replica-pages.ts";

/** Files up to this level last minutes: they are compacted into those of the next one. */
const SHORT_LIVED_LEVEL = 1;
/** Parts of the database that lie so near to each other are hydrated together. */
const JOINED_SIZE: number = 2 ** 20;

/**
 * Where the newest version of a page is in a file that Litestream will soon remove, and that was
 * not fetched whole when the replica was opened. In ascending order.
 */
export function shortLivedPages(pages: ReplicaPages): readonly ByteRange[] {
  const { pageSize, commit } = pages;
  const isShortLived = new Uint8Array(commit + 1);
  for (const extents of pages.files) {
    const { object, body } = extents.file;
    if (object.level > SHORT_LIVED_LEVEL || body !== undefined) continue;
    for (let extent = 0; extent < extents.count; extent += 1) {
      isShortLived[extents.pageOf(extent)] = 1;
    }
  }
  const ranges: { offset: number; length: number }[] = [];
  for (let pgno = isShortLived.indexOf(1); pgno !== -1; pgno = isShortLived.indexOf(1, pgno + 1)) {
    const offset = (pgno - 1) * pageSize;
    const last = ranges.at(-1);
    if (last !== undefined && offset - last.offset - last.length <= JOINED_SIZE) {
      last.length = offset + pageSize - last.offset;
    } else ranges.push({ offset, length: pageSize });
  }
  return ranges;
}
