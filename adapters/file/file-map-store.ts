import { type FileHandle, open, rename, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import {
  assert,
  checkCount,
  HeadwaterError,
  type MapSlot,
  type MapStore,
} from "../../lib/index.ts";
import { fileError, hasCode } from "./file-error.ts";
import { flushFolder } from "./names.ts";

/** What is written at once of a new map file, in bytes. */
const PIECE_SIZE = 2 ** 20;

/** A slot begins where a block does, so that writing one never rewrites a part of the other. */
const SLOT_UNIT = 4096;

export interface FileMapStoreOptions {
  /** Nothing is saved, and permission to read the file is enough. Default false. */
  readOnly?: boolean;
}

/** A file of two slots of the same size, side by side and nothing else. */
export class FileMapStore implements MapStore {
  readonly path: string;
  #file: FileHandle;
  #slotSize: number;
  readonly #readOnly: boolean;
  #underWay: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, slotSize: number, readOnly: boolean) {
    this.path = path;
    this.#file = file;
    this.#slotSize = slotSize;
    this.#readOnly = readOnly;
  }

  /**
   * Makes the file durable with two empty slots of `slotSize` bytes. They are really written, so
   * that a disk that fills up later never stops a map from being saved.
   *
   * @throws {RangeError} when that is not a multiple of 4096.
   * @throws {HeadwaterError} `EXISTS` when there is something of that name; `DESTINATION_FULL`.
   */
  static async create(path: string, slotSize: number): Promise<FileMapStore> {
    checkCount("slotSize", slotSize);
    if (slotSize % SLOT_UNIT !== 0) {
      throw new RangeError(`slotSize is ${slotSize}; it must be a multiple of ${SLOT_UNIT}`);
    }
    let file: FileHandle | undefined;
    try {
      file = await open(path, "wx+");
      const zeros = new Uint8Array(Math.min(PIECE_SIZE, slotSize * 2));
      for (let at = 0; at < slotSize * 2; at += zeros.length) {
        await writeAll(file, zeros.subarray(0, slotSize * 2 - at), at);
      }
      await file.datasync();
      return new FileMapStore(path, file, slotSize, false);
    } catch (error) {
      await file?.close(); // nobody else holds it yet
      if (file !== undefined) await unlink(path);
      throw mapError(path, "create", error);
    }
  }

  /**
   * Opens the file that `create` made.
   *
   * @throws {HeadwaterError} `MAP_CORRUPT` when it is not as long as any of these.
   */
  static async open(path: string, options: FileMapStoreOptions = {}): Promise<FileMapStore> {
    const { readOnly = false } = options;
    let file: FileHandle | undefined;
    try {
      file = await open(path, readOnly ? "r" : "r+");
      const { size } = await file.stat();
      if (size === 0 || size % (2 * SLOT_UNIT) !== 0) {
        throw new HeadwaterError("MAP_CORRUPT", `the region map ${path} has ${size} bytes`);
      }
      return new FileMapStore(path, file, size / 2, readOnly);
    } catch (error) {
      await file?.close(); // nobody else holds it yet
      throw mapError(path, "open", error);
    }
  }

  /**
   * Puts a file of larger slots in this one's place, with the same maps in them. A crash leaves
   * the one or the other.
   */
  async reserve(slotSize: number): Promise<void> {
    if (slotSize <= this.#slotSize) return;
    await this.#underWay;
    const larger = `${this.path}.larger`;
    try {
      await rm(larger, { force: true }); // of an attempt that was cut short
      const slots = await this.load();
      const next = await FileMapStore.create(larger, slotSize);
      for (const [index, bytes] of slots.entries()) {
        await writeAll(next.#file, bytes, index * slotSize);
      }
      await next.#file.datasync();
      await rename(larger, this.path);
      await flushFolder(dirname(this.path));
      const before = this.#file;
      this.#file = next.#file;
      this.#slotSize = slotSize;
      await before.close();
    } catch (error) {
      throw mapError(this.path, "enlarge", error);
    }
  }

  /** The most bytes that can be saved. */
  get slotSize(): number {
    return this.#slotSize;
  }

  async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    try {
      return [await this.#read(0), await this.#read(1)];
    } catch (error) {
      throw mapError(this.path, "read", error);
    }
  }

  save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    assert(bytes.length <= this.#slotSize, `${bytes.length} bytes in a slot of ${this.#slotSize}`);
    if (this.#closing !== undefined) {
      return Promise.reject(new HeadwaterError("CLOSED", `${this.path} is closed`));
    }
    if (this.#readOnly) {
      const message = `${this.path} was opened to be read only`;
      return Promise.reject(new HeadwaterError("READ_ONLY", message));
    }
    const saved = this.#save(slot, bytes);
    this.#underWay = saved.catch(() => undefined);
    return saved;
  }

  /** Waits for a save under way. */
  close(): Promise<void> {
    this.#closing ??= this.#underWay.then(() => this.#file.close());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#file, bytes, slot * this.#slotSize);
      await this.#file.datasync();
    } catch (error) {
      throw mapError(this.path, "write", error);
    }
  }

  async #read(slot: MapSlot): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.#slotSize);
    let done = 0;
    while (done < bytes.length) {
      const position = slot * this.#slotSize + done;
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, position);
      if (bytesRead === 0) throw new Error(`it was cut short at ${position}`);
      done += bytesRead;
    }
    return bytes;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const { bytesWritten } = await file.write(bytes, done, rest, position + done);
    done += bytesWritten;
  }
}

function mapError(path: string, what: string, cause: unknown): HeadwaterError {
  if (hasCode(cause, "EEXIST")) {
    return new HeadwaterError("EXISTS", `the region map ${path} exists already`, { cause });
  }
  return fileError("DESTINATION_FAILED", `cannot ${what} the region map ${path}`, cause);
}
