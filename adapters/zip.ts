import { EventEmitter } from "node:events";
import type { Reader as ZipJsReader } from "@zip.js/zip.js";
import type { Reader as UnzipitReader } from "unzipit";
import type { RandomAccessReader } from "yauzl";
import { exactBuffer } from "./exact-buffer.ts";
import type { HydratableBlob, HydrationWish, NamedRange } from "./named-ranges.ts";
import { nodeStream, type ReadableBlob, webStream } from "./streams/index.ts";

/** A blob as zip.js wants a reader: `new ZipReader(zipReader(blob))`. */
export function zipReader(blob: ReadableBlob): ZipJsReader<ReadableBlob> {
  return {
    size: blob.size,
    init: async () => {},
    get readable() {
      return webStream(blob);
    },
    createReadable: ({ offset = 0, size = blob.size - offset } = {}) =>
      webStream(blob, { offset, length: size }),
    readUint8Array: (index, length) => blob.read(index, length),
  };
}

/** A blob as unzipit wants a reader: `unzip(unzipitReader(blob))`. */
export function unzipitReader(blob: Pick<ReadableBlob, "size" | "read">): UnzipitReader {
  return {
    getLength: async () => blob.size,
    read: async (offset, size) => new Uint8Array(exactBuffer(await blob.read(offset, size))),
  };
}

/**
 * A blob as yauzl wants a reader: `yauzl.fromRandomAccessReader(yauzlReader(blob), blob.size, …)`.
 * The blob stays open when yauzl closes.
 */
export function yauzlReader(blob: ReadableBlob): RandomAccessReader {
  return new YauzlReader(blob) as unknown as RandomAccessReader;
}

/** In the shape of yauzl's class, which it does not ask for by name. */
class YauzlReader extends EventEmitter {
  readonly #blob: ReadableBlob;
  #users = 0;

  constructor(blob: ReadableBlob) {
    super();
    this.#blob = blob;
  }

  ref(): void {
    this.#users += 1;
  }

  unref(): void {
    this.#users -= 1;
    if (this.#users === 0) setImmediate(() => this.emit("close"));
  }

  createReadStream({ start, end }: { start: number; end: number }): NodeJS.ReadableStream {
    this.ref();
    const stream = nodeStream(this.#blob, { offset: start, length: end - start });
    stream.once("close", () => this.unref());
    return stream;
  }

  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: unknown, count?: number) => void,
  ): void {
    this.#blob.read(position, length).then((bytes) => {
      buffer.set(bytes, offset);
      if (bytes.length === length) done(null, length);
      else done(new Error(`the zip ends at ${position + bytes.length}`));
    }, done);
  }
}

/** Of an entry, as zip.js lists it, what says where it is. */
export interface ZipEntry {
  readonly filename: string;
  /** Of its local header. */
  readonly offset: number;
  readonly compressedSize: number;
}

/** Of a local header before its name (PKWARE APPNOTE 6.3.10, 4.3.7), in bytes. */
const HEADER_SIZE = 30;
const SIGNATURE = 0x04034b50;
/** The local header may have longer extra fields than the directory: mostly they are short. */
const LIKELY_EXTRA = 256;

/**
 * Brings entries before the rest: reading them then waits for nothing.
 *
 * @param entries as zip.js lists them: `await new ZipReader(zipReader(blob)).getEntries()`.
 */
export async function hydrateEntries(
  blob: HydratableBlob,
  entries: readonly ZipEntry[],
  wish: HydrationWish = {},
): Promise<void> {
  const likely = entries.map((entry) => rangeOf(entry, likelyHeader(entry)));
  await blob.hydrate({ ...wish, ranges: likely });
  const exact = await Promise.all(entries.map((entry) => exactRange(blob, entry, wish)));
  await blob.hydrate({ ...wish, ranges: exact });
}

/** @throws {TypeError} when there is no entry. */
async function exactRange(
  blob: HydratableBlob,
  entry: ZipEntry,
  { signal }: HydrationWish,
): Promise<NamedRange> {
  const bytes = await blob.read(entry.offset, HEADER_SIZE, signal && { signal });
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_SIZE || header.getUint32(0, true) !== SIGNATURE) {
    throw new TypeError(
      `there is no zip entry at ${entry.offset}, where ${entry.filename} should be`,
    );
  }
  return rangeOf(entry, HEADER_SIZE + header.getUint16(26, true) + header.getUint16(28, true));
}

function likelyHeader({ filename }: ZipEntry): number {
  return HEADER_SIZE + Buffer.byteLength(filename) + LIKELY_EXTRA;
}

function rangeOf({ filename, offset, compressedSize }: ZipEntry, headerSize: number): NamedRange {
  return { offset, length: headerSize + compressedSize, name: filename };
}
