import { CHECKSUM_FLAG, Crc64, formatChecksum } from "./checksum.ts";
import { ChecksumJoin, joinChecksums } from "./checksum-join.ts";
import { frameHeadSize, PAGE_HEADER_SIZE, SIZE_SIZE } from "./page-frame.ts";
import { FRAMES_END_SIZE } from "./page-index.ts";
import type { LoadedFile } from "./replica-file.ts";

/** The checksum of a file covers its last one's 8 bytes, and not its own. */
const CHECKSUM_SIZE = 8;

/** Joins of one length are the same for every file. */
const joins = new Map<number, ChecksumJoin>();

function joinOf(length: number): ChecksumJoin {
  let join = joins.get(length);
  if (join === undefined) {
    join = new ChecksumJoin(length);
    joins.set(length, join);
  }
  return join;
}

/**
 * Collects the CRCs of a file's pages, which may come in any order, and checks the file when all
 * have come.
 */
export class FileCheck {
  readonly #file: LoadedFile;
  readonly #digests: BigUint64Array;
  /** For each frame the bytes before its payload; 0 where it has not come. */
  readonly #headSizes: Uint8Array;
  #missing: number;

  constructor(file: LoadedFile) {
    this.#file = file;
    this.#missing = file.index.count;
    this.#digests = new BigUint64Array(this.#missing);
    this.#headSizes = new Uint8Array(this.#missing);
  }

  /**
   * Notes the page in a frame.
   *
   * @param frame its place in the index.
   * @param bytes the frame, compressed.
   * @param digest the plain CRC of the page.
   * @returns what is wrong with the file, when this was the last one and something is.
   */
  add(frame: number, bytes: Uint8Array, digest: bigint): string | undefined {
    if (this.#headSizes[frame] !== 0) return undefined;
    this.#headSizes[frame] = frameHeadSize(bytes, this.#file.index.offsets[frame] as number);
    this.#digests[frame] = digest;
    this.#missing -= 1;
    return this.#missing === 0 ? this.#problem() : undefined;
  }

  #problem(): string | undefined {
    const { head, tail, header, index, trailer } = this.#file;
    const joinPage = joinOf(header.pageSize);
    let checksum = new Crc64().update(head).value;
    const frameHead = new Uint8Array(PAGE_HEADER_SIZE + SIZE_SIZE);
    const view = new DataView(frameHead.buffer);
    for (let frame = 0; frame < index.count; frame += 1) {
      const headSize = this.#headSizes[frame] as number;
      view.setUint32(0, index.pgnos[frame] as number);
      view.setUint16(4, headSize === PAGE_HEADER_SIZE ? 0 : 1);
      view.setUint32(PAGE_HEADER_SIZE, (index.sizes[frame] as number) - headSize);
      const headChecksum = new Crc64().update(frameHead, 0, headSize).value;
      checksum = joinOf(headSize).join(checksum, headChecksum);
      checksum = joinPage.join(checksum, this.#digests[frame] as bigint);
    }
    const end = new Crc64().update(new Uint8Array(FRAMES_END_SIZE));
    end.update(tail, 0, tail.length - CHECKSUM_SIZE);
    const endLength = FRAMES_END_SIZE + tail.length - CHECKSUM_SIZE;
    checksum = CHECKSUM_FLAG | joinChecksums(checksum, end.value, endLength);
    if (checksum === trailer.fileChecksum) return undefined;
    const found = formatChecksum(checksum);
    return `its checksum is ${found}, and should be ${formatChecksum(trailer.fileChecksum)}`;
  }
}
