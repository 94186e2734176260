import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { VfsFile } from "./vfs-file.ts";

export interface PlainFileOptions {
  readonly writable: boolean;
  /** Whether it is made where there is none. */
  readonly create: boolean;
  /** Called before anything of it changes. */
  readonly changing: () => void;
}

/** A journal, a temporary file or another database: a file of this process alone. */
export class PlainFile implements VfsFile {
  readonly #fd: number;
  readonly #changing: () => void;
  /** The folder in which it was made, until that is durable. */
  #folder: string | undefined;

  private constructor(fd: number, folder: string | undefined, changing: () => void) {
    this.#fd = fd;
    this.#folder = folder;
    this.#changing = changing;
  }

  /** Undefined where there is none, and none is to be made. */
  static open(path: string, options: PlainFileOptions): PlainFile | undefined {
    const { writable, create, changing } = options;
    const access = writable ? constants.O_RDWR : constants.O_RDONLY;
    try {
      return new PlainFile(openSync(path, access), undefined, changing);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      if (!create) return undefined;
    }
    const fd = openSync(path, access | constants.O_CREAT, 0o644);
    return new PlainFile(fd, dirname(path), changing);
  }

  /** Without a name: it is gone when it is closed, however that comes. */
  static temporary(): PlainFile {
    const path = join(tmpdir(), `headwater-${randomUUID()}`);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    const fd = openSync(path, flags, 0o600);
    unlinkSync(path);
    return new PlainFile(fd, undefined, () => {});
  }

  read(memory: Uint8Array, at: number, length: number, offset: number): number {
    const count = readFully(this.#fd, memory, at, length, offset);
    memory.fill(0, at + count, at + length);
    return count;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#changing();
    writeFully(this.#fd, bytes, offset);
  }

  truncate(size: number): void {
    this.#changing();
    ftruncateSync(this.#fd, size);
  }

  sync(): void {
    this.#changing();
    fsyncSync(this.#fd);
    if (this.#folder !== undefined) flushFolderSync(this.#folder);
    this.#folder = undefined;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  lock(): boolean {
    return true;
  }

  unlock(): void {}

  isReserved(): boolean {
    return false;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Reads as much as there is, `length` bytes at most. */
export function readFully(
  fd: number,
  memory: Uint8Array,
  at: number,
  length: number,
  offset: number,
): number {
  let done = 0;
  while (done < length) {
    const count = readSync(fd, memory, at + done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}

/** Makes durable which files a folder has. */
export function flushFolderSync(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
