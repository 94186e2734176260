import { assert, HeadwaterError } from "../../lib/index.ts";
import { ByteFeed } from "./byte-feed.ts";
import { Crc64, formatChecksum } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { FileChecksum } from "./file-checksum.ts";
import { HEADER_SIZE, type LtxHeader, parseHeader } from "./header.ts";
import {
  decodeFrameInto,
  frameHeadSize,
  frameSize,
  maxFrameSize,
  PAGE_HEADER_SIZE,
  pgnoOf,
} from "./page-frame.ts";
import { INDEX_SIZE_SIZE, TAIL_SIZE } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";
import { type LtxTrailer, parseTrailer } from "./trailer.ts";
import { appendUvarint } from "./uvarint.ts";

/** A page of a database. */
export interface LtxPage {
  readonly pgno: number;
  readonly bytes: Uint8Array;
}

/**
 * Reads an LTX file from its beginning to its end, while it arrives. It holds one frame, or the
 * piece that arrived last where that is longer, whatever the file says.
 *
 * A page that was read is not yet known to be right: the checksum is at the end of the file. Once
 * `next` has returned 0 the whole file was verified.
 */
export class LtxDecoder implements AsyncDisposable {
  readonly header: LtxHeader;
  readonly #feed: ByteFeed;
  readonly #order: PageOrder;
  readonly #checksum: FileChecksum;
  readonly #longest: number;
  /** The index as the frames say it must be: its checksum and length. */
  readonly #index = new Crc64();
  #indexLength = 0;
  readonly #entry = new Uint8Array(32);
  #payload: Uint8Array | undefined;
  #trailer: LtxTrailer | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isReading = false;
  #pageCount = 0;

  private constructor(feed: ByteFeed, header: LtxHeader) {
    this.header = header;
    this.#feed = feed;
    this.#order = new PageOrder(header);
    this.#checksum = new FileChecksum(header, feed.bytes.subarray(0, HEADER_SIZE));
    this.#longest = maxFrameSize(header.pageSize);
    feed.take(HEADER_SIZE);
  }

  /**
   * Reads the header.
   *
   * @param source is let go of at the end of the file, at an error and by `close`.
   * @throws {HeadwaterError} `CORRUPT` when it is not the beginning of an LTX file.
   */
  static async open(source: AsyncIterable<Uint8Array>): Promise<LtxDecoder> {
    const feed = new ByteFeed(source);
    try {
      await feed.fill(HEADER_SIZE);
      return new LtxDecoder(feed, parseHeader(feed.bytes));
    } catch (error) {
      await feed.close();
      throw error;
    }
  }

  /** What ends the file, once it was verified. */
  get trailer(): LtxTrailer | undefined {
    return this.#trailer;
  }

  /** How many pages were read. */
  get pageCount(): number {
    return this.#pageCount;
  }

  /** Bytes of the file that were read; of a file that was verified, its size. */
  get offset(): number {
    return this.#feed.offset;
  }

  /** The LZ4 block of the page that was read last, if its frame has one. `next` changes it. */
  get payload(): Uint8Array | undefined {
    return this.#payload;
  }

  /**
   * Fills `page`, a page long, with the next page and returns its number; 0 after the last, once
   * the rest of the file and its checksum were found to be right. One call at a time.
   *
   * @throws {HeadwaterError} `CORRUPT`; again at every call after that.
   */
  async next(page: Uint8Array): Promise<number> {
    if (page.length !== this.header.pageSize) {
      throw new RangeError(`${page.length} bytes for a page of ${this.header.pageSize}`);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#trailer !== undefined) return 0;
    assert(!this.#isReading, "a decoder was asked for two pages at once");
    this.#isReading = true;
    try {
      if (this.#feed.bytes.length < this.#longest) await this.#feed.fill(this.#longest);
      return this.#isEnd() ? await this.#finish() : this.#decode(page);
    } catch (error) {
      this.#failure = { error };
      await this.#feed.close();
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  /** The pages, each on its own memory; when they end the file was verified. */
  async *pages(): AsyncGenerator<LtxPage, void, undefined> {
    try {
      while (true) {
        const bytes = new Uint8Array(this.header.pageSize);
        const pgno = await this.next(bytes);
        if (pgno === 0) return;
        yield { pgno, bytes };
      }
    } finally {
      await this.close();
    }
  }

  /** Lets go of the source. Not needed at the end of the file. */
  async close(): Promise<void> {
    if (this.#trailer === undefined) {
      this.#failure ??= { error: new HeadwaterError("CLOSED", "the LTX file was closed") };
    }
    await this.#feed.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #isEnd(): boolean {
    const { bytes } = this.#feed;
    if (bytes.length < PAGE_HEADER_SIZE) throw this.#endsEarly("in its pages");
    return pgnoOf(bytes) === 0 && bytes[4] === 0 && bytes[5] === 0;
  }

  #decode(page: Uint8Array): number {
    const { bytes, offset } = this.#feed;
    const size = frameSize(bytes, page.length, offset);
    const pgno = pgnoOf(bytes);
    const problem = this.#order.accept(pgno);
    if (problem !== undefined) throw corrupt(`${problem}, at ${offset}`, offset);
    if (size === undefined) throw this.#endsEarly(`in page ${pgno}`);
    const frame = bytes.subarray(0, size);
    decodeFrameInto(frame, page, offset);
    const headSize = frameHeadSize(frame, offset);
    this.#checksum.addPage(pgno, frame.subarray(0, headSize), page);
    this.#expectEntry(pgno, offset, size);
    this.#payload = headSize > PAGE_HEADER_SIZE ? frame.subarray(headSize) : undefined;
    this.#feed.take(size);
    this.#pageCount += 1;
    return pgno;
  }

  #expectEntry(pgno: number, offset: number, size: number): void {
    let end = appendUvarint(this.#entry, 0, pgno);
    end = appendUvarint(this.#entry, end, offset);
    end = appendUvarint(this.#entry, end, size);
    this.#index.update(this.#entry, 0, end);
    this.#indexLength += end;
  }

  /** All that comes after the pages. */
  async #finish(): Promise<number> {
    const feed = this.#feed;
    const problem = this.#order.endProblem();
    if (problem !== undefined) throw corrupt(`${problem}, at ${feed.offset}`, feed.offset);
    this.#payload = undefined;
    this.#checksum.endPages();
    feed.take(PAGE_HEADER_SIZE);
    await this.#checkIndex();

    await feed.fill(TAIL_SIZE + 1);
    if (feed.bytes.length !== TAIL_SIZE) {
      if (feed.bytes.length < TAIL_SIZE) throw this.#endsEarly("in its trailer");
      throw corrupt(`the file goes on after its trailer, at ${feed.offset + TAIL_SIZE}`);
    }
    this.#checkIndexSize();
    feed.take(INDEX_SIZE_SIZE);
    const trailer = parseTrailer(feed.bytes, this.header, feed.offset);
    this.#checkSums(trailer);
    feed.take(feed.bytes.length);
    await feed.close();
    this.#trailer = trailer;
    return 0;
  }

  /** The index must say of each page what its frame said. Neither is kept to compare them. */
  async #checkIndex(): Promise<void> {
    const feed = this.#feed;
    const start = feed.offset;
    this.#index.update(new Uint8Array(1));
    this.#indexLength += 1;
    const found = new Crc64();
    for (let rest = this.#indexLength; rest > 0; ) {
      await feed.fill(1);
      if (feed.bytes.length === 0) throw this.#endsEarly("in its page index");
      const part = feed.bytes.subarray(0, rest);
      found.update(part);
      this.#checksum.addIndex(part);
      feed.take(part.length);
      rest -= part.length;
    }
    if (found.value === this.#index.value) return;
    throw corrupt(`the page index at ${start} does not agree with the pages`, start);
  }

  #checkIndexSize(): void {
    const { bytes, offset } = this.#feed;
    const field = bytes.subarray(0, INDEX_SIZE_SIZE);
    const size = new DataView(field.buffer, field.byteOffset).getBigUint64(0);
    this.#checksum.addIndex(field);
    if (size === BigInt(this.#indexLength)) return;
    throw corrupt(`an index of ${this.#indexLength} bytes is said to have ${size}`, offset);
  }

  #checkSums(trailer: LtxTrailer): void {
    const { postApplyChecksum, fileChecksum } = trailer;
    const file = this.#checksum.finish(postApplyChecksum);
    if (file !== fileChecksum) {
      const sums = `${formatChecksum(file)}, not ${formatChecksum(fileChecksum)}`;
      throw corrupt(`the file has the checksum ${sums} as its trailer says`);
    }
    const { database } = this.#checksum;
    if (database === undefined || database === postApplyChecksum) return;
    const sums = `${formatChecksum(database)}, not ${formatChecksum(postApplyChecksum)}`;
    throw corrupt(`the database of the snapshot has the checksum ${sums} as its trailer says`);
  }

  #endsEarly(where: string): Error {
    const end = this.#feed.offset + this.#feed.bytes.length;
    return corrupt(`the file ends at ${end}, ${where}`, end);
  }
}
