import { HeadwaterError, isHeadwaterError } from "../../lib/index.ts";
import { Crc64 } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { FileCheck } from "./ltx-source-check.ts";
import { decodeFrameInto, frameSize, PAGE_HEADER_SIZE, pgnoOf } from "./page-frame.ts";
import type { Extents } from "./replica-extents.ts";
import type { LoadedFile } from "./replica-file.ts";

/**
 * Decompresses pages, and never gives out two versions of one: the CRC of each page is kept once
 * it is known. A file of which every frame came is checked as a whole, and nothing more is given
 * out of one that fails.
 */
export class PageDecoder {
  readonly #pageSize: number;
  /** By page number; what is not in `#known` has none yet. */
  readonly #digests: BigUint64Array;
  readonly #known: Uint8Array;
  readonly #checks = new Map<LoadedFile, FileCheck>();
  readonly #checkedBodies = new Set<LoadedFile>();
  /** Files that failed their checksums. */
  readonly #failed = new Map<LoadedFile, HeadwaterError>();
  readonly #superseded: Uint8Array;
  readonly #storeName: string;

  /** @param commit pages of the database. */
  constructor(pageSize: number, commit: number, storeName: string) {
    this.#pageSize = pageSize;
    this.#digests = new BigUint64Array(commit + 1);
    this.#known = new Uint8Array(commit + 1);
    this.#superseded = new Uint8Array(pageSize);
    this.#storeName = storeName;
  }

  /**
   * Fills `page` with the page of an extent, of which these are the bytes.
   *
   * @throws {HeadwaterError} `CORRUPT`, naming file and page, when it is not that page, not the same
   *   as before, or its file fails its checksum.
   */
  decode(extents: Extents, extent: number, bytes: Uint8Array, page: Uint8Array): void {
    const { file } = extents;
    const failed = this.#failed.get(file);
    if (failed !== undefined) throw failed;
    try {
      if (file.body !== undefined) this.#checkBody(file, file.body);
      this.#decode(extents, extent, bytes, page);
    } catch (error) {
      if (!isHeadwaterError(error, "CORRUPT")) throw error;
      const message = `${this.#storeName}/${file.object.key}: ${error.message}`;
      const failure = new HeadwaterError("CORRUPT", message, { cause: error });
      if (error instanceof ChecksumFailure) this.#failed.set(file, failure);
      throw failure;
    }
  }

  #decode(extents: Extents, extent: number, bytes: Uint8Array, page: Uint8Array): void {
    const { file } = extents;
    const { first, end } = extents.framesOf(extent);
    const { offset } = extents.rangeOf(extent);
    const live = extents.liveFrame(extent);
    for (let frame = first; frame < end; frame += 1) {
      const target = frame === live ? page : this.#superseded;
      const start = (file.index.offsets[frame] as number) - offset;
      const compressed = bytes.subarray(start, start + (file.index.sizes[frame] as number));
      this.#decodeFrame(file, frame, compressed, target);
      const digest = new Crc64().update(target).value;
      if (frame === live) this.#checkSame(file.index.pgnos[frame] as number, digest);
      if (extents.areWhole && file.body === undefined) {
        check(this.#checkOf(file), frame, compressed, digest);
      }
    }
  }

  #decodeFrame(file: LoadedFile, frame: number, bytes: Uint8Array, page: Uint8Array): void {
    const pgno = file.index.pgnos[frame] as number;
    const offset = file.index.offsets[frame] as number;
    if (
      bytes.length < PAGE_HEADER_SIZE ||
      frameSize(bytes, this.#pageSize, offset) !== bytes.length
    ) {
      throw corrupt(`page ${pgno}: the ${bytes.length} bytes at ${offset} are not its frame`);
    }
    if (pgnoOf(bytes) !== pgno) {
      throw corrupt(`page ${pgno}: at ${offset} is the frame of page ${pgnoOf(bytes)}`);
    }
    decodeFrameInto(bytes, page, offset);
  }

  #checkSame(pgno: number, digest: bigint): void {
    if (this.#known[pgno] === 0) {
      this.#known[pgno] = 1;
      this.#digests[pgno] = digest;
    } else if (this.#digests[pgno] !== digest) {
      throw corrupt(`page ${pgno} is not what it was when it was read before`);
    }
  }

  /** All of it is here, so that it can be checked before anything of it is given out. */
  #checkBody(file: LoadedFile, body: Uint8Array): void {
    if (this.#checkedBodies.has(file)) return;
    const { index } = file;
    const fileCheck = new FileCheck(file);
    for (let frame = 0; frame < index.count; frame += 1) {
      const offset = index.offsets[frame] as number;
      const bytes = body.subarray(offset, offset + (index.sizes[frame] as number));
      this.#decodeFrame(file, frame, bytes, this.#superseded);
      check(fileCheck, frame, bytes, new Crc64().update(this.#superseded).value);
    }
    this.#checkedBodies.add(file);
  }

  #checkOf(file: LoadedFile): FileCheck {
    let fileCheck = this.#checks.get(file);
    if (fileCheck === undefined) {
      fileCheck = new FileCheck(file);
      this.#checks.set(file, fileCheck);
    }
    return fileCheck;
  }
}

/** A file of which every page came, and that is not what it was when it was written. */
class ChecksumFailure extends HeadwaterError {}

function check(fileCheck: FileCheck, frame: number, bytes: Uint8Array, digest: bigint): void {
  const problem = fileCheck.add(frame, bytes, digest);
  if (problem !== undefined) throw new ChecksumFailure("CORRUPT", problem);
}
