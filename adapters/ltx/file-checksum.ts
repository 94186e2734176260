import { CHECKSUM_FLAG, Crc64, pageChecksum, toggledChecksum } from "./checksum.ts";
import { hasChecksums, isSnapshot, type LtxHeader } from "./header.ts";
import { FRAMES_END_SIZE, INDEX_SIZE_SIZE } from "./page-index.ts";

/**
 * The two checksums of a file, taken while its parts pass in their order: of the file, and of the
 * database where the file alone says it. Pages count uncompressed.
 */
export class FileChecksum {
  readonly #file = new Crc64();
  readonly #ofDatabase: boolean;
  #database = CHECKSUM_FLAG;

  /** @param encoded the bytes of the header. */
  constructor(header: LtxHeader, encoded: Uint8Array) {
    this.#ofDatabase = isSnapshot(header) && hasChecksums(header);
    this.#file.update(encoded);
  }

  /** @param head what comes before the payload of the page's frame. */
  addPage(pgno: number, head: Uint8Array, page: Uint8Array): void {
    this.#file.update(head).update(page);
    if (!this.#ofDatabase) return;
    this.#database = toggledChecksum(this.#database, pageChecksum(pgno, page));
  }

  endPages(): void {
    this.#file.update(new Uint8Array(FRAMES_END_SIZE));
  }

  /** @param part of the index, with the size at its end. */
  addIndex(part: Uint8Array): void {
    this.#file.update(part);
  }

  /** Of the database, in a snapshot with checksums; undefined in other files. */
  get database(): bigint | undefined {
    return this.#ofDatabase ? this.#database : undefined;
  }

  /** Of the whole file, which ends with the post-apply checksum. */
  finish(postApplyChecksum: bigint): bigint {
    const bytes = new Uint8Array(INDEX_SIZE_SIZE);
    new DataView(bytes.buffer).setBigUint64(0, postApplyChecksum);
    return this.#file.update(bytes).checksum;
  }
}
