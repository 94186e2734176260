import { LtxDecoder } from "./decoder.ts";
import type { LtxHeader } from "./header.ts";
import type { LtxTrailer } from "./trailer.ts";

/** What a whole, verified file is. */
export interface LtxSummary {
  readonly header: LtxHeader;
  readonly trailer: LtxTrailer;
  readonly pageCount: number;
  /** Bytes of the file. */
  readonly size: number;
}

/**
 * Reads a whole file and checks everything that can be checked in it alone.
 *
 * @throws {HeadwaterError} `CORRUPT`.
 */
export async function verifyLtx(source: AsyncIterable<Uint8Array>): Promise<LtxSummary> {
  await using decoder = await LtxDecoder.open(source);
  const { header } = decoder;
  const page = new Uint8Array(header.pageSize);
  while ((await decoder.next(page)) !== 0) {
    // Each page takes the place of the one before it.
  }
  const { trailer, pageCount, offset: size } = decoder;
  if (trailer === undefined) throw new Error("a decoder at its end has no trailer");
  return { header, trailer, pageCount, size };
}
