import { type ByteRange, HeadwaterError } from "../../lib/index.ts";
import { lockPage } from "./page-size.ts";
import { Extents } from "./replica-extents.ts";
import type { LoadedFile } from "./replica-file.ts";

/** Where the bytes of a page are. */
export interface PagePlace {
  /** The number of the file. */
  readonly file: number;
  readonly extent: number;
}

/**
 * Which file of a restore plan has the newest frame of each page of the database, when the files
 * are applied one after the other, each cutting the database to its own size.
 *
 * A page that was cut away, and not written again when the database grew, reads as zeros, and so
 * does the lock page.
 */
export class ReplicaPages {
  readonly pageSize: number;
  /** Pages of the database. */
  readonly commit: number;
  /** One for each file of the plan, in its order. */
  readonly files: readonly Extents[];
  /** For each page the number of its file and 1 more; 0 for those that read as zeros. */
  readonly #fileOf: Uint16Array | Uint32Array;

  /**
   * @param loaded the files of the plan, in its order.
   * @throws {HeadwaterError} `CORRUPT` when they are not of one database, or hold nothing of some of
   *   its pages.
   */
  constructor(loaded: readonly LoadedFile[]) {
    const last = loaded.at(-1);
    if (last === undefined) throw new HeadwaterError("SOURCE_NOT_FOUND", "there are no LTX files");
    this.pageSize = last.header.pageSize;
    this.commit = last.header.commit;
    const held = loaded.reduce((sum, { index }) => sum + index.count, 0);
    // So many pages cannot be in the files, if the header is wrong: then one of the first is not.
    const pages = Math.min(this.commit, held + 2) + 1;
    this.#fileOf = loaded.length < 2 ** 16 ? new Uint16Array(pages) : new Uint32Array(pages);
    const written = this.#apply(loaded);
    this.#checkComplete(written, loaded);
    this.files = loaded.map((file, number) => new Extents(file, this.#liveFrames(file, number)));
  }

  /** Bytes of the database. */
  get size(): number {
    return this.commit * this.pageSize;
  }

  /** Undefined for a page that reads as zeros. */
  placeOf(pgno: number): PagePlace | undefined {
    const file = (this.#fileOf[pgno] as number) - 1;
    if (file < 0) return undefined;
    return { file, extent: (this.files[file] as Extents).firstFrom(pgno) };
  }

  isZero(pgno: number): boolean {
    return this.#fileOf[pgno] === 0;
  }

  /** The parts of a range of the database that read as zeros. */
  *zeros(offset: number, length: number): Generator<ByteRange, void, undefined> {
    const { pageSize } = this;
    const end = offset + length;
    let start: number | undefined;
    const firstPage = Math.floor(offset / pageSize) + 1;
    const endPage = Math.ceil(end / pageSize) + 1;
    for (let pgno = firstPage; pgno <= endPage; pgno += 1) {
      const isZero = pgno < endPage && this.isZero(pgno);
      const at = (pgno - 1) * pageSize;
      if (isZero) start ??= Math.max(offset, at);
      else if (start !== undefined) {
        yield { offset: start, length: Math.min(end, at) - start };
        start = undefined;
      }
    }
  }

  /** Which pages any file of the plan has, in whatever version. */
  #apply(loaded: readonly LoadedFile[]): Uint8Array {
    const fileOf = this.#fileOf;
    const written = new Uint8Array(fileOf.length);
    for (const [number, { object, header, index }] of loaded.entries()) {
      if (header.pageSize !== this.pageSize) {
        const message = `${object.key} has pages of ${header.pageSize} bytes, others ${this.pageSize}`;
        throw new HeadwaterError("CORRUPT", message);
      }
      if (header.commit < this.commit) fileOf.fill(0, header.commit + 1);
      for (const pgno of index.pgnos) {
        if (pgno >= fileOf.length) break;
        fileOf[pgno] = number + 1;
        written[pgno] = 1;
      }
    }
    return written;
  }

  #checkComplete(written: Uint8Array, loaded: readonly LoadedFile[]): void {
    const { commit } = this;
    const lock = lockPage(this.pageSize);
    const first = written.findIndex((isIn, pgno) => isIn === 0 && pgno !== 0 && pgno !== lock);
    if (first === -1) return;
    let last = commit;
    for (const { index } of loaded) {
      const next = index.pgnos.find((pgno) => pgno > first) ?? commit + 1;
      last = Math.min(last, next - 1);
    }
    if (last === lock) last -= 1;
    const pages = last === first ? `page ${first} is` : `pages ${first} to ${last} are`;
    const txid = loaded.at(-1)?.header.maxTxid;
    const message =
      `${pages} in no file up to TXID ${txid}, at which the database has ` +
      `${commit} pages: it cannot be restored; an earlier TXID or time may be, with \`at\``;
    throw new HeadwaterError("CORRUPT", message);
  }

  #liveFrames({ index }: LoadedFile, number: number): Uint32Array {
    const live = new Uint32Array(index.count);
    let count = 0;
    for (let frame = 0; frame < index.count; frame += 1) {
      const pgno = index.pgnos[frame] as number;
      if (this.#fileOf[pgno] !== number + 1) continue;
      live[count] = frame;
      count += 1;
    }
    return live.slice(0, count);
  }
}
