import { constants, fdatasync, fsync, ftruncate, read, readSync, writev } from "node:fs";
import { type FileHandle, open, realpath, unlink } from "node:fs/promises";
import {
  type DestinationDevice,
  HeadwaterError,
  type ReadOptions,
  type SourceDevice,
} from "../../lib/index.ts";
import { fileError, hasCode } from "./file-error.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { writePieces } from "./write-pieces.ts";

export interface FileDeviceOptions {
  /** Default false: a device that is only read. */
  writable?: boolean;
  /**
   * The most bytes that are read at once, on the caller's thread; 0 turns it off, for slow disks.
   * Default 64 KiB.
   */
  synchronousReads?: number;
  /** What gives the file its final name, once it is whole. */
  finish?: () => Promise<void>;
  /**
   * Called before a finished file is changed to become another version: prepares a copy of it. What
   * it returns puts that in place, and resolves to its path.
   */
  unfinish?: () => Promise<() => Promise<string>>;
}

const SYNCHRONOUS_READS = 65536;
/** What one write takes in a discard. Node cannot punch holes, so zeros are written. */
const ZEROS: Uint8Array = new Uint8Array(2 ** 20);

/** A file as a source or a destination. What lies in holes of the file reads as zeros. */
export class FileDevice implements SourceDevice, DestinationDevice {
  /** The path, size and time of change when it was opened. */
  readonly identity: string;
  readonly strongIdentity = false;
  readonly path: string;
  #file: FileHandle;
  /** Left for another file, and closed at the end: something may still read from it. */
  readonly #former: FileHandle[] = [];
  /** -1 once closed: the number may be another file's then. */
  #fd: number;
  #size: number;
  readonly #writable: boolean;
  readonly #synchronousReads: number;
  readonly #finish: (() => Promise<void>) | undefined;
  readonly #unfinish: FileDeviceOptions["unfinish"];
  #underWay = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    path: string,
    file: FileHandle,
    stat: { size: bigint; mtimeNs: bigint },
    options: FileDeviceOptions,
  ) {
    this.path = path;
    this.identity = `file:${path} ${stat.size} ${stat.mtimeNs}`;
    this.#file = file;
    this.#fd = file.fd;
    this.#size = Number(stat.size);
    this.#writable = options.writable ?? false;
    this.#synchronousReads = options.synchronousReads ?? SYNCHRONOUS_READS;
    this.#finish = options.finish;
    this.#unfinish = options.unfinish;
  }

  /**
   * Opens a file that exists.
   *
   * @throws {HeadwaterError} `SOURCE_NOT_FOUND` or `SOURCE_FAILED`; of one that is to be written
   *   `DESTINATION_FAILED`.
   */
  static async open(path: string, options: FileDeviceOptions = {}): Promise<FileDevice> {
    return FileDevice.#open(path, options.writable ? "r+" : "r", options);
  }

  /**
   * Makes a file of `size` bytes that takes no space yet, to be written.
   *
   * @throws {HeadwaterError} `EXISTS` when there is something of that name.
   */
  static async create(
    path: string,
    size: number,
    options: Omit<FileDeviceOptions, "writable"> = {},
  ): Promise<FileDevice> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    const device = await FileDevice.#open(path, flags, { ...options, writable: true });
    try {
      await device.resize(size);
      return device;
    } catch (error) {
      await device.close();
      await unlink(path);
      throw error;
    }
  }

  static async #open(
    path: string,
    flags: string | number,
    options: FileDeviceOptions,
  ): Promise<FileDevice> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, flags);
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile()) throw new Error("it is not a regular file");
      return new FileDevice(await realpath(path), file, stat, options);
    } catch (error) {
      await file?.close(); // nobody else holds it yet
      throw openError(path, error, options.writable ?? false);
    }
  }

  get size(): number {
    return this.#size;
  }

  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const target = new Uint8Array(length);
    await this.readInto(offset, target);
    options.signal?.throwIfAborted();
    return target;
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    await this.#operation("read", offset, target.length, async (fd) => {
      let done = 0;
      while (done < target.length) {
        const count = await readSome(fd, target, done, offset + done);
        if (count === 0) throw this.#shortRead(offset, target.length, done);
        done += count;
      }
    });
  }

  readIntoSync(offset: number, target: Uint8Array): boolean {
    const length = target.length;
    if (length > this.#synchronousReads || this.#fd === -1) return false;
    let count = 0;
    try {
      count = readSync(this.#fd, target, 0, length, offset);
    } catch (error) {
      throw this.#failure("read", offset, length, error);
    }
    // The asynchronous path settles whether the file ends here or the read was only cut short.
    return count === length;
  }

  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    await this.#operation("write", offset, length, async (fd) => {
      await writePieces(pieces, offset, (rest, position) => writeSome(fd, rest, position));
      if (length > 0) this.#size = Math.max(this.#size, offset + length);
    });
  }

  /** What reads as zeros already stays as it is: a hole stays a hole. */
  async discard(offset: number, length: number): Promise<void> {
    const end = offset + length;
    const found = Buffer.allocUnsafe(Math.min(length, ZEROS.length));
    await this.#operation("write", offset, length, async () => {
      for (let at = offset; at < end; at += ZEROS.length) {
        const zeros = ZEROS.subarray(0, end - at);
        const part = found.subarray(0, zeros.length);
        const isInside = at + zeros.length <= this.#size;
        if (isInside) await this.readInto(at, part);
        if (!isInside || !part.equals(zeros)) await this.write(at, [zeros]);
      }
    });
  }

  /** The data, and as much about the file as reading it takes. */
  async flush(): Promise<void> {
    await this.#operation("flush", 0, this.#size, (fd) => callback((done) => fdatasync(fd, done)));
  }

  async resize(size: number): Promise<void> {
    await this.#operation("resize", 0, size, async (fd) => {
      await callback((done) => ftruncate(fd, size, done));
      this.#size = size;
    });
  }

  /** The size, time of change, inode and device of the file. */
  async fingerprint(): Promise<string> {
    let fingerprint = "";
    await this.#operation("flush", 0, this.#size, async (fd) => {
      // Not fdatasync: the time of change must be as durable as what is told of it.
      await callback((done) => fsync(fd, done));
      fingerprint = fingerprintOf(await this.#file.stat({ bigint: true }));
    });
    return fingerprint;
  }

  async unfinish(): Promise<() => Promise<void>> {
    const putInPlace = await this.#unfinish?.();
    return async () => {
      if (putInPlace === undefined) return;
      const file = await open(await putInPlace(), "r+");
      this.#former.push(this.#file);
      this.#file = file;
      this.#fd = file.fd;
    };
  }

  async finish(): Promise<void> {
    await this.#finish?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#fd = -1;
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await Promise.all([...this.#former, this.#file].map((file) => file.close()));
  }

  /** Runs one call on the open file: `close` waits for it, and its errors say what and where. */
  async #operation(
    what: "read" | "write" | "flush" | "resize",
    offset: number,
    length: number,
    run: (fd: number) => Promise<void>,
  ): Promise<void> {
    const fd = this.#fd;
    if (fd === -1) throw new HeadwaterError("CLOSED", `${this.path} is closed`);
    if (what !== "read" && !this.#writable) {
      throw new HeadwaterError("READ_ONLY", `${this.path} was opened to be read only`);
    }
    this.#underWay += 1;
    try {
      await run(fd);
    } catch (error) {
      throw this.#failure(what, offset, length, error);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  #failure(what: string, offset: number, length: number, cause: unknown): HeadwaterError {
    const code = this.#writable ? "DESTINATION_FAILED" : "SOURCE_FAILED";
    const error = fileError(code, `cannot ${what} ${this.path}`, cause);
    if (error === cause) return error;
    return new HeadwaterError(error.code, error.message, { cause, offset, length });
  }

  #shortRead(offset: number, length: number, got: number): HeadwaterError {
    const message = `${this.path}: asked ${length} bytes at ${offset}, got ${got}`;
    return new HeadwaterError("SHORT_READ", message, { offset, length });
  }
}

function openError(path: string, cause: unknown, writable: boolean): HeadwaterError {
  if (hasCode(cause, "EEXIST")) {
    return new HeadwaterError("EXISTS", `${path} exists already`, { cause });
  }
  const missing = hasCode(cause, "ENOENT") ? "SOURCE_NOT_FOUND" : "SOURCE_FAILED";
  return fileError(writable ? "DESTINATION_FAILED" : missing, `cannot open ${path}`, cause);
}

/** Resolves to how many bytes of `target` were read; 0 at the end of the file. */
function readSome(fd: number, target: Uint8Array, from: number, position: number): Promise<number> {
  return callback((done) => read(fd, target, from, target.length - from, position, done));
}

function writeSome(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return callback((done) => writev(fd, pieces, position, done));
}

/** Calls back through Node's plain functions: half the cost of a `FileHandle`'s promises. */
function callback<Value>(
  call: (done: (error: Error | null, value?: Value) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null) resolve(value as Value);
      else reject(error);
    });
  });
}
