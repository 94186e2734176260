import { decodeLz4Block, MALFORMED } from "./lz4-block.ts";
import { xxh32 } from "./xxh32.ts";

const MAGIC = 0x184d2204;
/** Version 1, independent blocks, a checksum of the content: the only frames that are written. */
const FLAGS = 0x64;
const HEADER_SIZE = 7;
const STORED = 0x80000000;

/** A frame that is none, or is not of the kind that LTX files hold. */
export class Lz4FrameError extends Error {}

/**
 * How long the frame is that `bytes` begin with, or undefined when its end lies beyond them.
 *
 * @throws {Lz4FrameError}
 */
export function lz4FrameSize(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_SIZE) return undefined;
  checkHeader(bytes, view);
  let at = HEADER_SIZE;
  while (at + 4 <= bytes.length) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return at + 4 <= bytes.length ? at + 4 : undefined;
    at += size & ~STORED;
  }
  return undefined;
}

/**
 * Decompresses a whole frame and checks its checksum.
 *
 * @returns the bytes written to `target`.
 * @throws {Lz4FrameError}
 */
export function decodeLz4Frame(bytes: Uint8Array, target: Uint8Array): number {
  if (lz4FrameSize(bytes) !== bytes.length) throw new Lz4FrameError("a frame of another length");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEADER_SIZE;
  let to = 0;
  for (let size = view.getUint32(at, true); size !== 0; size = view.getUint32(at, true)) {
    const start = at + 4;
    at = start + (size & ~STORED);
    to += decodeBlock(bytes, start, at, size >= STORED, target, to);
  }
  const expected = view.getUint32(at + 4, true);
  const found = xxh32(target.subarray(0, to));
  if (found !== expected) {
    const [want, got] = [expected.toString(16), found.toString(16)];
    throw new Lz4FrameError(`the content has the checksum ${got}, not ${want}`);
  }
  return to;
}

function decodeBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  isStored: boolean,
  target: Uint8Array,
  to: number,
): number {
  if (!isStored) {
    const written = decodeLz4Block(bytes, start, end, target, to);
    if (written !== MALFORMED) return written;
  } else if (end - start <= target.length - to) {
    target.set(bytes.subarray(start, end), to);
    return end - start;
  }
  throw new Lz4FrameError(`a block of ${end - start} bytes that is broken or too long`);
}

function checkHeader(bytes: Uint8Array, view: DataView): void {
  const magic = view.getUint32(0, true);
  if (magic !== MAGIC) throw new Lz4FrameError(`no frame: its magic is ${magic.toString(16)}`);
  const [flags, blockSize, checksum] = bytes.subarray(4, HEADER_SIZE);
  const isBlockSize = blockSize !== undefined && (blockSize & 0x8f) === 0 && blockSize >= 0x40;
  if (flags !== FLAGS || !isBlockSize) {
    throw new Lz4FrameError(`a frame of another kind: flags ${flags}, block size ${blockSize}`);
  }
  if (checksum !== ((xxh32(bytes.subarray(4, 6)) >>> 8) & 0xff)) {
    throw new Lz4FrameError("a frame whose header fails its checksum");
  }
}
