import { setImmediate as turn } from "node:timers/promises";
import { HeadwaterError, isHeadwaterError } from "../../lib/index.ts";
import { Crc64 } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { FileCheck } from "./ltx-source-check.ts";
import { decodeFrameInto, frameSize, PAGE_HEADER_SIZE, pgnoOf } from "./page-frame.ts";
import type { Extents } from "./replica-extents.ts";
import type { LoadedFile } from "./replica-file.ts";
import type { PagePlace, ReplicaPages } from "./replica-pages.ts";

/**
 * Decompresses pages, and never gives out two versions of one: the CRC of each page is kept once
 * it is known. A file of which every frame came is checked as a whole. Of one that fails nothing
 * more is given out, and of those before it neither: what it says of where pages are is as much in
 * doubt as the pages.
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
  readonly #checkings = new WeakMap<ReplicaPages, Promise<void>>();
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
   * Fills `page` with the page at this place, of which these are the bytes.
   *
   * @throws {HeadwaterError} `CORRUPT`, naming file and page, when it is not that page, not the same
   *   as before, or a file that decides what it is fails its checksum.
   */
  decode(pages: ReplicaPages, place: PagePlace, bytes: Uint8Array, page: Uint8Array): void {
    this.#refuse(pages, place.file);
    const extents = pages.files[place.file] as Extents;
    const { file } = extents;
    this.#naming(file, () => {
      if (file.body !== undefined) this.#checkBody(file, file.body);
      this.#decode(extents, place.extent, bytes, page);
    });
  }

  /** Fills `page` with a page that reads as zeros. Throws as `decode` does. */
  decodeZeros(pages: ReplicaPages, page: Uint8Array): void {
    this.#refuse(pages, 0);
    page.fill(0);
  }

  /**
   * Checks the files that were fetched whole, some at a time: what they say of where pages are
   * decides about all others. Rejects with `CORRUPT`, which names the file.
   */
  checkBodies(pages: ReplicaPages): Promise<void> {
    let checking = this.#checkings.get(pages);
    if (checking === undefined) {
      checking = this.#checkAll(pages);
      checking.catch(() => {}); // whoever needs it waits for it
      this.#checkings.set(pages, checking);
    }
    return checking;
  }

  async #checkAll({ files }: ReplicaPages): Promise<void> {
    for (const { file } of files) {
      const { body } = file;
      if (body === undefined || this.#checkedBodies.has(file)) continue;
      await turn();
      this.#naming(file, () => this.#checkBody(file, body));
    }
  }

  /** A file that failed may lack pages of which older files have another version. */
  #refuse({ files }: ReplicaPages, from: number): void {
    if (this.#failed.size === 0) return;
    for (let number = from; number < files.length; number += 1) {
      const failed = this.#failed.get((files[number] as Extents).file);
      if (failed !== undefined) throw failed;
    }
  }

  #naming(file: LoadedFile, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isHeadwaterError(error, "CORRUPT")) throw error;
      const message = `${this.#storeName}/${file.object.key}: ${error.message}`;
      const failure = new HeadwaterError("CORRUPT", message, { cause: error });
      if (error instanceof FileFailure) this.#failed.set(file, failure);
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
    const found = pgnoOf(bytes);
    if (found !== pgno) {
      const message = `page ${pgno}: at ${offset} is the frame of page ${found}`;
      throw mayBe(found, file, frame) ? new FileFailure("CORRUPT", message) : corrupt(message);
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

/** A file is not what it was when it was written, in what it says of its pages too perhaps. */
class FileFailure extends HeadwaterError {}

/** Whether this page could be where the index has another, which may be wrong itself then. */
function mayBe(pgno: number, { index, header }: LoadedFile, frame: number): boolean {
  const before = index.pgnos[frame - 1] ?? 0;
  const after = index.pgnos[frame + 1] ?? header.commit + 1;
  return before < pgno && pgno < after;
}

function check(fileCheck: FileCheck, frame: number, bytes: Uint8Array, digest: bigint): void {
  const problem = fileCheck.add(frame, bytes, digest);
  if (problem !== undefined) throw new FileFailure("CORRUPT", problem);
}
