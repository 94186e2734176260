import { randomFillSync } from "node:crypto";
import type { LockLevel } from "../between/file-locks.ts";
import { SQLITE } from "../between/result-codes.ts";
import { INTERRUPTED_CALL } from "../between/thread-call.ts";
import type { Heap } from "./heap.ts";
import { installerOf, type Sqlite, structsOf } from "./raw.ts";
import type { VfsFile, VfsFiles } from "./vfs-file.ts";

/** Flags of xOpen and xAccess (sqlite.org/c3ref/c_open_autoproxy.html, c_access_exists.html). */
export const OPEN = {
  READONLY: 1,
  READWRITE: 2,
  CREATE: 4,
  DELETEONCLOSE: 8,
  MAIN_DB: 0x100,
  MAIN_JOURNAL: 0x800,
  WAL: 0x80000,
} as const;

/** A sector that is being written when the power fails changes nothing beside it. */
const POWERSAFE_OVERWRITE = 0x1000;
const SECTOR_SIZE = 4096;
const MOST_PATH = 1024;
/** Between 1970 and the beginning of the Julian period, in milliseconds. */
const JULIAN_EPOCH_MS = 210_866_760_000_000n;

let count = 0;

/** Registers the files of one connection with SQLite, under a name of their own. */
export class Vfs {
  readonly name: string;
  readonly #heap: Heap;
  readonly #files: VfsFiles;
  readonly #open = new Map<number, VfsFile>();
  readonly #dispose: () => void;
  #failure: { readonly code: number; readonly error: unknown } | undefined;

  constructor(sqlite: Sqlite, heap: Heap, files: VfsFiles) {
    count += 1;
    this.name = `headwater-${count}`;
    this.#heap = heap;
    this.#files = files;
    this.#dispose = this.#register(sqlite);
  }

  /**
   * What made a method fail last with that code, asked for once. SQLite itself tells only that one
   * did, and does not tell every time: then it is not the cause of what fails later.
   */
  takeFailure(code: number): unknown {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure !== undefined && (failure.code & 0xff) === (code & 0xff)
      ? failure.error
      : undefined;
  }

  /** After every connection that uses it is closed. */
  dispose(): void {
    this.#dispose();
  }

  #register(sqlite: Sqlite): () => void {
    const { sqlite3_io_methods, sqlite3_vfs, sqlite3_file, sqlite3_vfs_unregister } =
      structsOf(sqlite);
    const installer = installerOf(sqlite);
    const io = new sqlite3_io_methods();
    const vfs = new sqlite3_vfs();
    io.$iVersion = 1;
    vfs.$iVersion = 2;
    vfs.$szOsFile = sqlite3_file.structInfo.sizeof;
    vfs.$mxPathname = MOST_PATH;
    installer.installVfs({ io: { struct: io, methods: this.#ioMethods() } });
    const methods = this.#vfsMethods((file: number) => {
      const struct = new sqlite3_file(file);
      struct.$pMethods = io.pointer;
      struct.dispose();
    });
    installer.installVfs({ vfs: { struct: vfs, methods, name: this.name } });
    return () => {
      sqlite3_vfs_unregister(vfs.pointer);
      vfs.dispose();
      io.dispose();
    };
  }

  #ioMethods(): Record<string, (...words: never[]) => number> {
    const file = (pointer: number): VfsFile => this.#open.get(pointer) as VfsFile;
    return {
      xClose: (pointer: number) =>
        this.#try(SQLITE.IOERR, () => {
          const closing = file(pointer);
          this.#open.delete(pointer);
          closing.close();
        }),
      xRead: (pointer: number, at: number, length: number, offset: bigint) => {
        try {
          const { bytes } = this.#heap;
          const done = file(pointer).read(bytes, at, length, Number(offset));
          return done === length ? SQLITE.OK : SQLITE.IOERR_SHORT_READ;
        } catch (error) {
          return this.#failed(SQLITE.IOERR_READ, error);
        }
      },
      xWrite: (pointer: number, at: number, length: number, offset: bigint) =>
        this.#try(SQLITE.IOERR_WRITE, () =>
          file(pointer).write(this.#heap.bytes.subarray(at, at + length), Number(offset)),
        ),
      xTruncate: (pointer: number, size: bigint) =>
        this.#try(SQLITE.IOERR_TRUNCATE, () => file(pointer).truncate(Number(size))),
      xSync: (pointer: number) => this.#try(SQLITE.IOERR_FSYNC, () => file(pointer).sync()),
      xFileSize: (pointer: number, target: number) =>
        this.#try(SQLITE.IOERR_FSTAT, () => this.#put64(target, BigInt(file(pointer).size()))),
      xLock: (pointer: number, level: number) => {
        try {
          return file(pointer).lock(level as LockLevel) ? SQLITE.OK : SQLITE.BUSY;
        } catch (error) {
          return this.#failed(SQLITE.IOERR, error);
        }
      },
      xUnlock: (pointer: number, level: number) =>
        this.#try(SQLITE.IOERR, () => file(pointer).unlock(level as LockLevel)),
      xCheckReservedLock: (pointer: number, target: number) =>
        this.#try(SQLITE.IOERR, () => this.#put32(target, Number(file(pointer).isReserved()))),
      xFileControl: () => SQLITE.NOTFOUND,
      xSectorSize: () => SECTOR_SIZE,
      xDeviceCharacteristics: () => POWERSAFE_OVERWRITE,
    } as Record<string, (...words: never[]) => number>;
  }

  #vfsMethods(opened: (file: number) => void): Record<string, (...words: never[]) => number> {
    const heap = this.#heap;
    return {
      xOpen: (_: number, path: number, file: number, flags: number, target: number) => {
        try {
          const name = path === 0 ? undefined : heap.zeroEnded(path);
          const found = this.#files.open(name, flags);
          if (found === undefined) return SQLITE.CANTOPEN;
          this.#open.set(file, found);
          opened(file);
          if (target !== 0) this.#put32(target, flags);
          return SQLITE.OK;
        } catch (error) {
          return this.#failed(SQLITE.CANTOPEN, error);
        }
      },
      xDelete: (_: number, path: number, syncFolder: number) =>
        this.#try(
          SQLITE.IOERR_DELETE,
          () => void this.#files.delete(heap.zeroEnded(path), syncFolder !== 0),
        ),
      xAccess: (_: number, path: number, _flags: number, target: number) =>
        this.#try(SQLITE.IOERR_ACCESS, () =>
          this.#put32(target, Number(this.#files.exists(heap.zeroEnded(path)))),
        ),
      xFullPathname: (_: number, path: number, length: number, target: number) => {
        const { bytes } = heap;
        const end = bytes.indexOf(0, path) + 1;
        if (end - path > length) return SQLITE.CANTOPEN;
        bytes.copyWithin(target, path, end);
        return SQLITE.OK;
      },
      xRandomness: (_: number, length: number, target: number) => {
        randomFillSync(heap.bytes, target, length);
        return length;
      },
      xSleep: (_: number, microseconds: number) => {
        this.#files.sleep(microseconds / 1000);
        return microseconds;
      },
      xCurrentTimeInt64: (_: number, target: number) =>
        this.#try(SQLITE.ERROR, () => this.#put64(target, BigInt(Date.now()) + JULIAN_EPOCH_MS)),
      xGetLastError: () => SQLITE.OK,
    } as Record<string, (...words: never[]) => number>;
  }

  #try(code: number, work: () => void): number {
    try {
      work();
      return SQLITE.OK;
    } catch (error) {
      return this.#failed(code, error);
    }
  }

  #failed(code: number, error: unknown): number {
    if (error === INTERRUPTED_CALL) return SQLITE.INTERRUPT;
    const { code: name } = error as NodeJS.ErrnoException;
    const told = name === "ENOSPC" || name === "DESTINATION_FULL" ? SQLITE.FULL : code;
    this.#failure = { code: told, error };
    return told;
  }

  #put32(target: number, value: number): void {
    this.#heap.bytes.writeInt32LE(value, target);
  }

  #put64(target: number, value: bigint): void {
    this.#heap.bytes.writeBigInt64LE(value, target);
  }
}
