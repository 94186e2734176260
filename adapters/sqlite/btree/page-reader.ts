import { HeadwaterError } from "../../../lib/index.ts";
import { DATABASE_HEADER_SIZE, parseDatabaseHeader } from "./database-header.ts";
import type { Layout } from "./layout.ts";

/** Whoever has the pages of a database. They must not change while somebody walks through them. */
export interface PageReader extends Layout {
  /**
   * The whole page, which stays as it is. A walk asks for many pages in one turn of the event loop,
   * so that a reader can fetch neighbours together.
   */
  read(pgno: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Anything that is read by offset and length: a clone, a device. */
export interface BlobReader {
  readonly size: number;
  read(offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}

/**
 * The pages of a database as its file has them, without what a journal or a log beside it says.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is no database, or has fewer pages than it says. A
 *   blob of 0 bytes, which SQLite opens as an empty database, is none.
 */
export async function openPageReader(blob: BlobReader, signal?: AbortSignal): Promise<PageReader> {
  const headSize = Math.min(blob.size, DATABASE_HEADER_SIZE);
  const header = parseDatabaseHeader(await blob.read(0, headSize, optionsOf(signal)));
  const { pageSize } = header;
  const filePages = Math.ceil(blob.size / pageSize);
  if (header.pageCount > filePages) {
    const message = `a database of ${header.pageCount} pages in ${blob.size} bytes`;
    throw new HeadwaterError("CORRUPT", message, { offset: 28 });
  }
  const read = async (pgno: number, signal?: AbortSignal): Promise<Uint8Array> => {
    const offset = (pgno - 1) * pageSize;
    const length = Math.min(pageSize, blob.size - offset);
    const bytes = await blob.read(offset, length, optionsOf(signal));
    if (length === pageSize) return bytes;
    // What the file lacks of its last page reads as zeros, as with SQLite.
    const page = new Uint8Array(pageSize);
    page.set(bytes);
    return page;
  };
  return { header, pageCount: header.pageCount || filePages, read };
}

function optionsOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
