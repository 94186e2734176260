import { corrupt } from "./corrupt.ts";
import { decodeLz4Block } from "./lz4-block.ts";
import { decodeLz4Frame, Lz4FrameError, lz4FrameSize } from "./lz4-frame.ts";

/** The page number and the flags that every frame begins with. */
export const PAGE_HEADER_SIZE = 6;
/** The size of the payload, in frames that have one. */
export const SIZE_SIZE = 4;
/** The flag of a frame whose payload is an LZ4 block of a stated size, not a whole LZ4 frame. */
export const HAS_SIZE = 1;

/** The longest payload that a page can have: what cannot be compressed grows a little. */
export function maxPayloadSize(pageSize: number): number {
  return pageSize + Math.ceil(pageSize / 255) + 64;
}

/** The longest frame. */
export function maxFrameSize(pageSize: number): number {
  return PAGE_HEADER_SIZE + SIZE_SIZE + maxPayloadSize(pageSize);
}

/** The page number that a frame states. `bytes` are at least its first `PAGE_HEADER_SIZE`. */
export function pgnoOf(bytes: Uint8Array): number {
  return uint32(bytes, 0);
}

/**
 * How many bytes of a frame come before its payload, all of which its file's checksum covers.
 * `bytes` are at least its first `PAGE_HEADER_SIZE`.
 *
 * @throws {HeadwaterError} `CORRUPT` for a page 0 and for unknown flags.
 */
export function frameHeadSize(bytes: Uint8Array, offset: number): number {
  const flags = ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);
  if (flags > HAS_SIZE) throw corrupt(`invalid page flags 0x${flags.toString(16)}`, offset);
  if (pgnoOf(bytes) === 0) throw corrupt(`a page without a number at ${offset}`, offset);
  return flags === HAS_SIZE ? PAGE_HEADER_SIZE + SIZE_SIZE : PAGE_HEADER_SIZE;
}

/**
 * How long the frame is that `bytes`, at `offset` in the file, begin with; undefined when its end
 * lies beyond them. `bytes` are at least its first `PAGE_HEADER_SIZE`.
 *
 * @throws {HeadwaterError} `CORRUPT` when it cannot be a frame, or is too long for its page.
 */
export function frameSize(bytes: Uint8Array, pageSize: number, offset: number): number | undefined {
  const headSize = frameHeadSize(bytes, offset);
  const payload =
    headSize === PAGE_HEADER_SIZE
      ? lz4Call(bytes, offset, () => lz4FrameSize(bytes.subarray(headSize)))
      : blockSize(bytes);
  const isTooLong = (payload ?? bytes.length - headSize) > maxPayloadSize(pageSize);
  if (isTooLong) {
    const size = payload === undefined ? "an endless frame" : `a frame of ${payload} bytes`;
    throw corrupt(`page ${pgnoOf(bytes)} at ${offset}: ${size} for ${pageSize}`, offset);
  }
  if (payload === undefined || headSize + payload > bytes.length) return undefined;
  return headSize + payload;
}

/**
 * Decompresses one frame. A file keeps no checksum of a page, so a byte changed in a frame
 * with a size goes unnoticed here unless it breaks the compression; the older ones have their own.
 *
 * @param bytes the whole frame, no more.
 * @param pgno the page that it must be.
 * @param offset where it lies in the file, for messages.
 * @throws {HeadwaterError} `CORRUPT` when it is not a frame of that page.
 */
export function decodeFrame(
  bytes: Uint8Array,
  pageSize: number,
  pgno: number,
  offset?: number,
): Uint8Array {
  const at = offset ?? 0;
  if (bytes.length < PAGE_HEADER_SIZE || frameSize(bytes, pageSize, at) !== bytes.length) {
    throw corrupt(`${bytes.length} bytes at ${at} are not one frame`, at, bytes.length);
  }
  if (pgnoOf(bytes) !== pgno) {
    throw corrupt(`page ${pgnoOf(bytes)} at ${at}, where page ${pgno} is expected`, at);
  }
  const page = new Uint8Array(pageSize);
  decodeFrameInto(bytes, page, at);
  return page;
}

/**
 * Decompresses the frame `bytes`, of the length that `frameSize` found, and fills `page`.
 *
 * @throws {HeadwaterError} `CORRUPT` when it holds more or less than `page`.
 */
export function decodeFrameInto(bytes: Uint8Array, page: Uint8Array, offset: number): void {
  const headSize = frameHeadSize(bytes, offset);
  const written =
    headSize === PAGE_HEADER_SIZE
      ? lz4Call(bytes, offset, () => decodeLz4Frame(bytes.subarray(headSize), page))
      : decodeLz4Block(bytes, headSize, bytes.length, page);
  if (written === page.length) return;
  const what = written < 0 ? "does not decompress" : `decompresses to ${written} bytes`;
  const message = `page ${pgnoOf(bytes)} at ${offset}: a frame of ${bytes.length} bytes ${what}`;
  throw corrupt(`${message}, instead of to ${page.length}`, offset, bytes.length);
}

function blockSize(bytes: Uint8Array): number | undefined {
  const end = PAGE_HEADER_SIZE + SIZE_SIZE;
  return bytes.length < end ? undefined : uint32(bytes, PAGE_HEADER_SIZE);
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return ((high << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

function lz4Call<Value>(bytes: Uint8Array, offset: number, call: () => Value): Value {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Lz4FrameError)) throw error;
    throw corrupt(`page ${pgnoOf(bytes)} at ${offset}: ${error.message}`, offset);
  }
}
