import { HeadwaterError } from "../../../lib/index.ts";

/** The bytes of a database's header, with which its first page begins. */
export const DATABASE_HEADER_SIZE = 100;

export type TextEncoding = "utf-8" | "utf-16le" | "utf-16be";

/** What a database says of itself. One that was parsed is valid. */
export interface DatabaseHeader {
  /** Bytes of a page: a power of two from 512 to 65536. */
  readonly pageSize: number;
  /** Bytes of a page that SQLite uses, from its beginning on: at least 480. */
  readonly usableSize: number;
  /** How many pages the database has, or 0 where only the size of its file tells. */
  readonly pageCount: number;
  /** The first trunk page of the freelist, or 0 where there is none. */
  readonly freelistTrunk: number;
  /** Pages of the freelist, trunks and leaves. */
  readonly freelistCount: number;
  /** Whether the database has pointer-map pages. */
  readonly isAutoVacuum: boolean;
  readonly encoding: TextEncoding;
}

const MAGIC = "SQLite format 3\0";
const MIN_USABLE_SIZE = 480;
/** SQLite looks at the two lowest bits only; 0 is in databases that never had a table. */
const ENCODINGS: readonly TextEncoding[] = ["utf-8", "utf-8", "utf-16le", "utf-16be"];

/**
 * Parses the first `DATABASE_HEADER_SIZE` bytes of a database, as section 1.3 of
 * https://www.sqlite.org/fileformat2.html has them. Every integer is big-endian.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is none, or one that SQLite would not open either.
 */
export function parseDatabaseHeader(bytes: Uint8Array): DatabaseHeader {
  if (bytes.length < DATABASE_HEADER_SIZE) {
    throw corrupt(0, `the database ends in its header, after ${bytes.length} bytes`);
  }
  for (let at = 0; at < MAGIC.length; at += 1) {
    if (bytes[at] === MAGIC.charCodeAt(at)) continue;
    throw corrupt(at, `byte ${bytes[at]}: this is no SQLite database, or an encrypted one`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, DATABASE_HEADER_SIZE);
  const pageSize = readPageSize(view);
  const readVersion = view.getUint8(19);
  if (readVersion > 2) throw corrupt(19, `to be read by version ${readVersion} of the format`);
  const usableSize = pageSize - view.getUint8(20);
  if (usableSize < MIN_USABLE_SIZE)
    throw corrupt(20, `only ${usableSize} bytes of a page are used`);
  for (const [at, fraction] of [64, 32, 32].entries()) {
    const found = view.getUint8(21 + at);
    if (found !== fraction) throw corrupt(21 + at, `payload fraction ${found} and not ${fraction}`);
  }
  // Old versions change the database without its page count: 92 is the counter it is valid for.
  const isCountValid = view.getUint32(24) === view.getUint32(92);
  return {
    pageSize,
    usableSize,
    pageCount: isCountValid ? view.getUint32(28) : 0,
    freelistTrunk: view.getUint32(32),
    freelistCount: view.getUint32(36),
    isAutoVacuum: view.getUint32(52) !== 0,
    encoding: ENCODINGS[view.getUint32(56) & 3] as TextEncoding,
  };
}

/** Section 1.3.2: 65536 does not fit, and is written as 1. */
function readPageSize(view: DataView): number {
  const written = view.getUint16(16);
  const pageSize = written === 1 ? 65536 : written;
  const isPowerOfTwo = (pageSize & (pageSize - 1)) === 0;
  if (!isPowerOfTwo || pageSize < 512) throw corrupt(16, `page size ${written}`);
  return pageSize;
}

function corrupt(at: number, message: string): HeadwaterError {
  return new HeadwaterError("CORRUPT", `the database's header, at ${at}: ${message}`, {
    offset: at,
  });
}
