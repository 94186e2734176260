import { HeadwaterError } from "../../lib/index.ts";
import { FileChecksum } from "./file-checksum.ts";
import { encodeHeader, hasChecksums, type LtxHeader } from "./header.ts";
import { Lz4BlockEncoder } from "./lz4-block-encoder.ts";
import {
  HAS_SIZE,
  maxFrameSize,
  maxPayloadSize,
  PAGE_HEADER_SIZE,
  SIZE_SIZE,
} from "./page-frame.ts";
import { FRAMES_END_SIZE, PageIndexWriter } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";
import { type LtxTrailer, postApplyProblemOf, TRAILER_SIZE } from "./trailer.ts";

/** Takes the next bytes of a file. They belong to it. */
export type WriteBytes = (bytes: Uint8Array) => void | Promise<void>;

const HEAD_SIZE = PAGE_HEADER_SIZE + SIZE_SIZE;
const PIECE_SIZE = 256 * 1024;

/**
 * Writes an LTX file in one go: `add` for each page, then `finish`. It holds one piece of the file
 * and the page index, about 8 bytes a page. A file that was not finished is none.
 */
export class LtxEncoder {
  readonly header: LtxHeader;
  readonly #write: WriteBytes;
  readonly #order: PageOrder;
  readonly #checksum: FileChecksum;
  readonly #index = new PageIndexWriter();
  readonly #blocks = new Lz4BlockEncoder();
  #piece = new Uint8Array(PIECE_SIZE);
  #length = 0;
  /** Bytes of the file before the piece. */
  #written = 0;
  #isClosed = false;

  /** @throws {RangeError} when there can be no file with this header. */
  constructor(header: LtxHeader, write: WriteBytes) {
    const encoded = encodeHeader(header);
    this.header = header;
    this.#write = write;
    this.#order = new PageOrder(header);
    this.#checksum = new FileChecksum(header, encoded);
    this.#piece.set(encoded);
    this.#length = encoded.length;
  }

  /** The checksum of the pages so far, in a snapshot with checksums; else undefined. */
  get databaseChecksum(): bigint | undefined {
    return this.#checksum.database;
  }

  /**
   * Adds a page. Pages ascend; a snapshot has each, and no file has the lock page.
   *
   * @param payload the page as an LZ4 block, where the caller has it already.
   * @throws {RangeError} when it cannot be the next page of the file.
   */
  async add(pgno: number, page: Uint8Array, payload?: Uint8Array): Promise<void> {
    const { pageSize } = this.header;
    this.#checkOpen();
    if (page.length !== pageSize) {
      throw new RangeError(`page ${pgno} has ${page.length} bytes, not ${pageSize}`);
    }
    if (payload !== undefined && payload.length > maxPayloadSize(pageSize)) {
      throw new RangeError(`page ${pgno} is compressed to ${payload.length} bytes`);
    }
    const problem = Number.isInteger(pgno) && pgno > 0 ? undefined : `there is no page ${pgno}`;
    const orderProblem = problem ?? this.#order.accept(pgno);
    if (orderProblem !== undefined) throw new RangeError(orderProblem);

    if (this.#piece.length - this.#length < maxFrameSize(pageSize)) await this.#flush();
    const start = this.#length;
    const end = this.#encodeFrame(pgno, page, payload);
    this.#checksum.addPage(pgno, this.#piece.subarray(start, start + HEAD_SIZE), page);
    this.#index.add(pgno, this.#written + start, end - start);
    this.#length = end;
  }

  /**
   * Writes what comes after the pages. Nothing can be added then.
   *
   * @param postApplyChecksum of the database once the file is applied. A snapshot's is known; a
   *   file without checksums has none.
   * @throws {RangeError} when the file cannot end here, or not with this checksum.
   */
  async finish(postApplyChecksum?: bigint): Promise<LtxTrailer> {
    this.#checkOpen();
    const post = postApplyChecksum ?? this.#ownChecksum();
    const problem = this.#order.endProblem() ?? postApplyProblemOf(post, this.header);
    if (problem !== undefined) throw new RangeError(problem);
    this.#isClosed = true;

    this.#checksum.endPages();
    await this.#flush();
    await this.#write(new Uint8Array(FRAMES_END_SIZE));
    const index = this.#index.finish();
    this.#checksum.addIndex(index);
    await this.#write(index);
    const fileChecksum = this.#checksum.finish(post);
    const trailer = new Uint8Array(TRAILER_SIZE);
    const view = new DataView(trailer.buffer);
    view.setBigUint64(0, post);
    view.setBigUint64(8, fileChecksum);
    await this.#write(trailer);
    return { postApplyChecksum: post, fileChecksum };
  }

  #ownChecksum(): bigint {
    const known = hasChecksums(this.header) ? this.#checksum.database : 0n;
    if (known !== undefined) return known;
    throw new RangeError("a file that is not a snapshot needs a post-apply checksum");
  }

  #encodeFrame(pgno: number, page: Uint8Array, payload: Uint8Array | undefined): number {
    const piece = this.#piece;
    const start = this.#length;
    const from = start + HEAD_SIZE;
    let end = from;
    if (payload === undefined) {
      end = this.#blocks.encode(page, piece, from);
    } else {
      piece.set(payload, from);
      end += payload.length;
    }
    const view = new DataView(piece.buffer);
    view.setUint32(start, pgno);
    view.setUint16(start + 4, HAS_SIZE);
    view.setUint32(start + PAGE_HEADER_SIZE, end - from);
    return end;
  }

  async #flush(): Promise<void> {
    const bytes = this.#piece.subarray(0, this.#length);
    this.#written += this.#length;
    this.#piece = new Uint8Array(PIECE_SIZE);
    this.#length = 0;
    await this.#write(bytes);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new HeadwaterError("CLOSED", "the LTX file is finished");
  }
}
