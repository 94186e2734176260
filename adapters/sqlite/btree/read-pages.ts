import { checkCount, HeadwaterError } from "../../../lib/index.ts";
import type { PageReader } from "./page-reader.ts";

export interface PageReadOptions {
  /** Pages read side by side at most, and held. Default 64. */
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ReadPage {
  readonly pgno: number;
  readonly bytes: Uint8Array;
}

/** Reads one page, and sees that it is whole. */
export async function readPage(
  reader: PageReader,
  pgno: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const bytes = await reader.read(pgno, signal);
  const { pageSize } = reader.header;
  if (bytes.length === pageSize) return bytes;
  const message = `asked ${pageSize} bytes of page ${pgno}, got ${bytes.length}`;
  const offset = (pgno - 1) * pageSize;
  throw new HeadwaterError("SHORT_READ", message, { offset, length: pageSize });
}

/**
 * Reads pages side by side, and yields them in the order in which they are named. A failure, and
 * leaving, wait for what is under way.
 */
export async function* readInOrder(
  reader: PageReader,
  pgnos: Iterable<number>,
  options: PageReadOptions,
): AsyncGenerator<ReadPage, void, undefined> {
  const concurrency = checkCount("concurrency", options.concurrency ?? 64);
  const waiting = pgnos[Symbol.iterator]();
  const started: { readonly pgno: number; readonly reading: Promise<Uint8Array> }[] = [];
  const start = (): boolean => {
    const next = waiting.next();
    if (next.done) return false;
    const reading = readPage(reader, next.value, options.signal);
    reading.catch(() => {}); // awaited in its turn, or not at all when one before it fails
    started.push({ pgno: next.value, reading });
    return true;
  };
  try {
    while (started.length < concurrency && start());
    for (let first = started.shift(); first !== undefined; first = started.shift()) {
      const bytes = await first.reading;
      start();
      yield { pgno: first.pgno, bytes };
    }
  } finally {
    await Promise.allSettled(started.map(({ reading }) => reading));
  }
}
