import { checkCount, HeadwaterError } from "../../lib/index.ts";
import { guardVersion, type ReadableBlob } from "./readable-blob.ts";

/** Which part of a blob is streamed, and how. */
export interface StreamOptions {
  /** Where to begin, in bytes. Default 0. */
  offset?: number;
  /** How many bytes: fewer where the blob ends. Default: to the end. */
  length?: number;
  /** Ends the stream with the signal's reason. */
  signal?: AbortSignal;
  /** How many bytes past the piece that is read are fetched meanwhile. Default 4 MiB. */
  readAhead?: number;
}

/** One read. Memory held by a stream is about twice that. */
const PIECE_SIZE: number = 256 * 2 ** 10;
const DEFAULT_READ_AHEAD: number = 4 * 2 ** 20;
/** What was asked for ahead is asked for again after so many bytes: there may be room by then. */
const AHEAD_STEP: number = 2 ** 20;

/**
 * The bytes of a part of the blob in order, 256 KiB at a time, each on an ArrayBuffer of its own.
 * The next piece is read when it is asked for; what lies ahead is fetched meanwhile.
 *
 * @throws {RangeError} when offset, length or read-ahead is not a whole number of at least 0.
 * @throws {HeadwaterError} what a read throws; `SOURCE_CHANGED` when the clone goes on to another
 *   version, or another size, before the end.
 */
export async function* readPieces(
  blob: ReadableBlob,
  options: StreamOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { offset, length, readAhead } = checkStream(blob, options);
  const { signal } = options;
  const end = offset + length;
  const check = guardVersion(blob);
  // A small part is one read like any other; of a large one it is known what will be wanted.
  const exact = length > PIECE_SIZE;
  for (let at = offset, askedAt = -AHEAD_STEP; at < end; ) {
    if (exact && at - askedAt >= AHEAD_STEP && readAhead > 0) {
      blob.prefetch?.([{ offset: at, length: Math.min(end - at, PIECE_SIZE + readAhead) }]);
      askedAt = at;
    }
    const wanted = Math.min(PIECE_SIZE, end - at);
    const bytes = await blob.read(at, wanted, { exact, ...(signal && { signal }) });
    check();
    if (bytes.length !== wanted) {
      const message = `asked ${wanted} bytes at ${at}, got ${bytes.length}`;
      throw new HeadwaterError("SHORT_READ", message, { offset: at, length: wanted });
    }
    yield ownBytes(bytes);
    at += wanted;
  }
}

/** The options with what they are of this blob. */
export function checkStream(
  blob: ReadableBlob,
  options: StreamOptions,
): { offset: number; length: number; readAhead: number } {
  const { offset = 0, length = blob.size, readAhead = DEFAULT_READ_AHEAD } = options;
  checkCount("offset", offset, 0);
  return {
    offset,
    length: Math.max(0, Math.min(checkCount("length", length, 0), blob.size - offset)),
    readAhead: checkCount("readAhead", readAhead, 0),
  };
}

/** The same bytes on an ArrayBuffer of their own, so that it can be given away. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length;
  return isOwn ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
