import type { ByteRange } from "../../lib/index.ts";
import { corrupt } from "./corrupt.ts";
import { HEADER_SIZE, isSnapshot, type LtxHeader } from "./header.ts";
import { maxFrameSize, PAGE_HEADER_SIZE } from "./page-frame.ts";
import { contentPages, lockPage } from "./page-size.ts";
import { TRAILER_SIZE } from "./trailer.ts";
import { appendUvarint, readUvarint } from "./uvarint.ts";

/** The field after the entries that says how long they are. */
export const INDEX_SIZE_SIZE = 8;
/** The last bytes of a file, which say where its index begins. */
export const TAIL_SIZE: number = INDEX_SIZE_SIZE + TRAILER_SIZE;
/** What ends the frames: a page header of zeros. */
export const FRAMES_END_SIZE: number = PAGE_HEADER_SIZE;
/** The longest entry: numbers of five, eight and three bytes. */
const MAX_ENTRY_SIZE = 16;
/** The shortest file: without a page. */
export const MIN_FILE_SIZE: number = HEADER_SIZE + FRAMES_END_SIZE + 1 + TAIL_SIZE;

/** Where the frame of each page lies in its file. Pages ascend. */
export class PageIndex {
  /** Ascending. Entry i of the other two is of the same page. */
  readonly pgnos: Uint32Array;
  /** Bytes from the beginning of the file. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;

  constructor(pgnos: Uint32Array, offsets: Float64Array, sizes: Uint32Array) {
    this.pgnos = pgnos;
    this.offsets = offsets;
    this.sizes = sizes;
  }

  get count(): number {
    return this.pgnos.length;
  }

  /** Where the page's frame lies, or undefined when the file does not hold the page. */
  find(pgno: number): { readonly offset: number; readonly size: number } | undefined {
    let low = 0;
    let high = this.pgnos.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.pgnos[middle] as number) < pgno) low = middle + 1;
      else high = middle;
    }
    if (this.pgnos[low] !== pgno) return undefined;
    return { offset: this.offsets[low] as number, size: this.sizes[low] as number };
  }
}

/**
 * Where the entries of the index lie, without the size that follows them.
 *
 * @param tail the end of the file, at least its last `TAIL_SIZE` bytes.
 * @param header if it is known how many pages there can be.
 * @throws {HeadwaterError} `CORRUPT` when they cannot lie in a file of `fileSize` bytes, or are more
 *   than there can be.
 */
export function locatePageIndex(tail: Uint8Array, fileSize: number, header?: LtxHeader): ByteRange {
  if (fileSize < MIN_FILE_SIZE || tail.length < TAIL_SIZE) {
    throw corrupt(`a file of ${fileSize} bytes, of which ${tail.length} are known, has no index`);
  }
  const view = new DataView(tail.buffer, tail.byteOffset + tail.length - TAIL_SIZE, TAIL_SIZE);
  const size = view.getBigUint64(0);
  const end = fileSize - TAIL_SIZE;
  if (size === 0n || size > BigInt(end - HEADER_SIZE - FRAMES_END_SIZE)) {
    throw corrupt(`an index of ${size} bytes in a file of ${fileSize}`, end, INDEX_SIZE_SIZE);
  }
  const length = Number(size);
  if (header !== undefined && length > 1 + MAX_ENTRY_SIZE * header.commit) {
    throw corrupt(`an index of ${length} bytes for ${header.commit} pages`, end, INDEX_SIZE_SIZE);
  }
  return { offset: end - length, length };
}

/**
 * Parses the entries of an index that begins at `offset` in its file: exactly those bytes that
 * `locatePageIndex` names. Every frame that it tells of lies within the file, behind the one before
 * it; a snapshot has every page. What lies there, only the frames can say.
 *
 * @throws {HeadwaterError} `CORRUPT` when that does not hold.
 */
export function parsePageIndex(bytes: Uint8Array, offset: number, header: LtxHeader): PageIndex {
  // An entry takes three bytes at least, and a page that is listed twice is found below.
  const most = Math.min(Math.floor(bytes.length / 3), contentPages(header.commit, header.pageSize));
  const pgnos = new Uint32Array(most);
  const offsets = new Float64Array(most);
  const sizes = new Uint32Array(most);
  const lock = lockPage(header.pageSize);
  const longest = maxFrameSize(header.pageSize);
  const cursor = { bytes, at: 0 };
  const next = (): number => {
    const at = offset + cursor.at;
    const value = readUvarint(cursor);
    if (value === undefined) throw corrupt(`the index has no number at ${at}`, at);
    return value;
  };

  let count = 0;
  let previous = 0;
  let frameEnd = HEADER_SIZE;
  for (let pgno = next(); pgno !== 0; pgno = next()) {
    const frame = next();
    const size = next();
    const isPage = pgno > previous && pgno <= header.commit && pgno !== lock && count < most;
    if (!isPage || frame !== frameEnd || size <= PAGE_HEADER_SIZE || size > longest) {
      const entry = `page ${pgno}, ${size} bytes at ${frame}`;
      throw corrupt(`the index has, after page ${previous}: ${entry}`, offset + cursor.at);
    }
    pgnos[count] = pgno;
    offsets[count] = frame;
    sizes[count] = size;
    previous = pgno;
    frameEnd += size;
    count += 1;
  }
  checkEnd(bytes, cursor.at, offset, frameEnd);
  checkComplete(count, header, offset);
  if (count === most) return new PageIndex(pgnos, offsets, sizes);
  return new PageIndex(pgnos.slice(0, count), offsets.slice(0, count), sizes.slice(0, count));
}

/** Makes the bytes of an index entry by entry, and keeps no more than those. */
export class PageIndexWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  add(pgno: number, offset: number, size: number): void {
    this.#reserve(32);
    this.#length = appendUvarint(this.#bytes, this.#length, pgno);
    this.#length = appendUvarint(this.#bytes, this.#length, offset);
    this.#length = appendUvarint(this.#bytes, this.#length, size);
  }

  /** The entries, their end, and the size of both. */
  finish(): Uint8Array {
    this.#reserve(1 + INDEX_SIZE_SIZE);
    this.#bytes[this.#length++] = 0;
    const end = this.#length + INDEX_SIZE_SIZE;
    new DataView(this.#bytes.buffer).setBigUint64(this.#length, BigInt(this.#length));
    return this.#bytes.slice(0, end);
  }

  #reserve(count: number): void {
    if (this.#bytes.length - this.#length >= count) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

function checkEnd(bytes: Uint8Array, end: number, offset: number, frameEnd: number): void {
  if (end !== bytes.length) {
    throw corrupt(`the index ends after ${end} of ${bytes.length} bytes`, offset + end);
  }
  if (frameEnd + FRAMES_END_SIZE !== offset) {
    const message = `the frames of the index end at ${frameEnd}, and it begins at ${offset}`;
    throw corrupt(message, offset);
  }
}

function checkComplete(count: number, header: LtxHeader, offset: number): void {
  const expected = contentPages(header.commit, header.pageSize);
  if (!isSnapshot(header) || count === expected) return;
  throw corrupt(`the index of a snapshot has ${count} of ${expected} pages`, offset);
}
