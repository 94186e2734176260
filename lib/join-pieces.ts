import { longRead, shortRead } from "./checked-device.ts";

/**
 * The pieces of a stream as one, on an ArrayBuffer of its own: what `read` of a device that streams
 * returns.
 *
 * @param offset of the first, for messages.
 * @param release is given each piece once it was copied.
 * @throws {HeadwaterError} `SHORT_READ` or `CORRUPT` when they are not exactly so long; what the
 *   stream throws.
 */
export async function joinPieces(
  pieces: AsyncIterable<Uint8Array>,
  offset: number,
  length: number,
  release?: (pieces: readonly Uint8Array[]) => void,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const piece of pieces) {
    if (at + piece.length > length) throw longRead(offset, length, at + piece.length);
    bytes.set(piece, at);
    at += piece.length;
    release?.([piece]);
  }
  if (at < length) throw shortRead(offset, length, at);
  return bytes;
}
