import { corruptPage } from "./corrupt.ts";
import { checkContentPage } from "./layout.ts";
import { viewOf } from "./page-header.ts";
import type { PageReader } from "./page-reader.ts";
import { PageSet } from "./page-set.ts";
import { readPage } from "./read-pages.ts";

/** A page of the freelist that names others. It is free itself. */
export interface FreelistTrunk {
  readonly pgno: number;
  /** Free pages. What they hold means nothing, and nobody reads it. */
  readonly leaves: Uint32Array;
}

export interface FreelistOptions {
  signal?: AbortSignal | undefined;
  /** The pages that something else has: naming one of them again is `CORRUPT`. Default: none. */
  seen?: PageSet | undefined;
}

/** The next trunk, or 0, and how many leaves this one has: section 1.5. */
const TRUNK_HEADER_SIZE = 8;
/** Where the first page has the number of the first trunk, and how many free pages there are. */
const TRUNK_AT = 32;
const COUNT_AT = 36;

/**
 * The freelist, trunk by trunk: each is read, since it names the next one.
 *
 * @throws {HeadwaterError} `CORRUPT` when it names what cannot be free, or has other than as many
 *   pages as the database's header says; too few of them are noticed at the end.
 */
export async function* freelist(
  reader: PageReader,
  options: FreelistOptions = {},
): AsyncGenerator<FreelistTrunk, void, undefined> {
  const { freelistTrunk, freelistCount, pageSize } = reader.header;
  const { seen = new PageSet(), signal } = options;
  let left = freelistCount;
  let from = { pgno: 1, at: TRUNK_AT };
  let trunk = freelistTrunk;
  while (trunk !== 0) {
    checkFree(reader, trunk, from, seen);
    const bytes = await readPage(reader, trunk, signal);
    const leaves = leavesOf(reader, trunk, bytes, seen);
    left -= 1 + leaves.length;
    if (left < 0) {
      const message = `the freelist has ${-left} pages more than the header's ${freelistCount}`;
      throw corruptPage(pageSize, trunk, 4, message);
    }
    yield { pgno: trunk, leaves };
    from = { pgno: trunk, at: 0 };
    trunk = viewOf(bytes).getUint32(0);
  }
  if (left === 0) return;
  const message = `the freelist has ${freelistCount - left} pages, and not ${freelistCount}`;
  throw corruptPage(pageSize, 1, COUNT_AT, message);
}

function leavesOf(reader: PageReader, pgno: number, bytes: Uint8Array, seen: PageSet): Uint32Array {
  const view = viewOf(bytes);
  const { pageSize, usableSize } = reader.header;
  const count = view.getUint32(4);
  const most = Math.floor((usableSize - TRUNK_HEADER_SIZE) / 4);
  if (count > most) throw corruptPage(pageSize, pgno, 4, `${count} free pages, of at most ${most}`);
  const leaves = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) {
    const at = TRUNK_HEADER_SIZE + 4 * index;
    const leaf = view.getUint32(at);
    checkFree(reader, leaf, { pgno, at }, seen);
    leaves[index] = leaf;
  }
  return leaves;
}

function checkFree(
  reader: PageReader,
  free: number,
  from: { readonly pgno: number; readonly at: number },
  seen: PageSet,
): void {
  checkContentPage(reader, free, from.pgno, from.at, "a free page");
  if (seen.add(free)) return;
  const message = `a free page is page ${free}, named before`;
  throw corruptPage(reader.header.pageSize, from.pgno, from.at, message);
}
