import type { HeadwaterError } from "../../../lib/index.ts";
import type { OverflowHead } from "./cells.ts";
import { corruptPage } from "./corrupt.ts";
import { checkContentPage } from "./layout.ts";
import { viewOf } from "./page-header.ts";
import type { PageReader } from "./page-reader.ts";
import { PageSet } from "./page-set.ts";
import { type PageReadOptions, readInOrder } from "./read-pages.ts";

export interface OverflowOptions extends PageReadOptions {
  /** The pages that something else has: naming one of them again is `CORRUPT`. Default: none. */
  seen?: PageSet | undefined;
  /**
   * Whether the last page of each chain is read too, and has to end it. Otherwise its number is
   * enough, so that a chain of one page takes no read. Default false.
   */
  whole?: boolean | undefined;
}

/** One page of an overflow chain. */
export interface OverflowPage<Head extends OverflowHead = OverflowHead> {
  readonly head: Head;
  readonly pgno: number;
  /** The page, where it was read. */
  readonly bytes: Uint8Array | undefined;
}

interface Chain<Head> {
  readonly head: Head;
  /** The page that comes next. */
  pgno: number;
  /** How many pages there are from it on. */
  left: number;
}

/**
 * The pages of overflow chains, as many of each as its payload takes. Only a page tells where the
 * next one is, and so the chains are followed side by side: the first page of each, then the second
 * of each, and so on. Yields those of a turn that need no read, and then the others.
 *
 * @throws {HeadwaterError} `CORRUPT` when a chain ends early, or names what cannot be its next page.
 */
export async function* overflowPages<Head extends OverflowHead>(
  reader: PageReader,
  heads: Iterable<Head>,
  options: OverflowOptions = {},
): AsyncGenerator<OverflowPage<Head>, void, undefined> {
  const { seen = new PageSet(), whole = false } = options;
  let chains: Chain<Head>[] = [];
  for (const head of heads) {
    if (!seen.add(head.pgno)) {
      throw fail(reader, head.pgno, "an overflow chain begins in a page that was named before");
    }
    chains.push({ head, pgno: head.pgno, left: head.pageCount });
  }
  while (chains.length > 0) {
    const isRead = ({ left }: Chain<Head>): boolean => whole || left > 1;
    for (const chain of chains) {
      if (!isRead(chain)) yield { head: chain.head, pgno: chain.pgno, bytes: undefined };
    }
    chains = chains.filter(isRead);
    const pages = readInOrder(reader, numbersOf(chains), options);
    let index = 0;
    for await (const { pgno, bytes } of pages) {
      const chain = chains[index++] as Chain<Head>;
      move(reader, chain, bytes, seen);
      yield { head: chain.head, pgno, bytes };
    }
    chains = chains.filter(({ left }) => left > 0);
  }
}

function* numbersOf(chains: Iterable<Chain<unknown>>): Generator<number, void, undefined> {
  for (const { pgno } of chains) yield pgno;
}

/** Section 1.7: the next page, or 0 in the last one, and then the payload. */
function move(reader: PageReader, chain: Chain<unknown>, bytes: Uint8Array, seen: PageSet): void {
  const { pgno } = chain;
  const next = viewOf(bytes).getUint32(0);
  chain.left -= 1;
  if (chain.left === 0) {
    if (next !== 0) throw fail(reader, pgno, `an overflow chain has page ${next} behind its end`);
    return;
  }
  checkContentPage(reader, next, pgno, 0, `the next of ${chain.left} overflow pages`);
  if (!seen.add(next)) throw fail(reader, pgno, `the next overflow page is ${next}, named before`);
  chain.pgno = next;
}

function fail(reader: PageReader, pgno: number, message: string): HeadwaterError {
  return corruptPage(reader.header.pageSize, pgno, 0, message);
}
