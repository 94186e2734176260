import { randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  HeadwaterError,
  type HeadwaterErrorCode,
  joinPieces,
  type ReadOptions,
  ReusedMemory,
} from "../../lib/index.ts";
import {
  LISTING_SIZE,
  type Listing,
  type ObjectStore,
  type PutOptions,
  type StoredObject,
} from "./store.ts";

/** A piece of a stream, in bytes. */
const PIECE_SIZE: number = 256 * 2 ** 10;
/** Memory for so many pieces is kept for the next ones. */
const MOST_SPARE = 32;

/** Files that are open at once, at most. */
const MOST_OPEN = 64;

/** Objects as files below a folder. */
export class FileStore implements ObjectStore {
  readonly name: string;
  readonly layout = "ltx";
  readonly #root: string;
  readonly #memory = new ReusedMemory(PIECE_SIZE, MOST_SPARE);
  readonly #closing = new AbortController();
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(folder: string) {
    this.#root = resolve(folder);
    this.name = pathToFileURL(this.#root).href.replace(/\/$/, "");
  }

  async list(prefix: string, after: string, options: ReadOptions = {}): Promise<Listing> {
    this.#check(options.signal);
    options.meter?.request();
    const names = await this.#entries(prefix);
    const found = names.map((name) => prefix + name).filter((key) => key > after);
    const keys = found.sort(byCodeUnits).slice(0, LISTING_SIZE);
    const objects = await Promise.all(keys.map((key) => this.#describe(key)));
    this.#check(options.signal);
    return {
      objects: objects.filter((object) => object !== undefined),
      next: keys.length < found.length ? keys.at(-1) : undefined,
    };
  }

  read(
    object: StoredObject,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    return joinPieces(this.#pieces(object, offset, length, false, options), offset, length);
  }

  stream(
    object: StoredObject,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#pieces(object, offset, length, true, options);
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    this.#check(options.signal);
    const path = this.#pathOf(key);
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      this.#check(options.signal);
      // A link, unlike a rename, fails where there is something.
      if (options.ifAbsent === true) await link(temporary, path);
      else await rename(temporary, path);
      await flushFolder(dirname(path));
    } catch (error) {
      throw this.#failure(key, error, "DESTINATION_FAILED");
    } finally {
      await rm(temporary, { force: true });
    }
  }

  release(pieces: readonly Uint8Array[]): void {
    this.#memory.takeBack(pieces);
  }

  close(): Promise<void> {
    this.#closing.abort(new HeadwaterError("CLOSED", `${this.name} was closed`));
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#pieces(
    object: StoredObject,
    offset: number,
    length: number,
    isStream: boolean,
    { signal, meter }: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#check(signal);
    const { key } = object;
    meter?.request();
    await this.#place();
    let file: FileHandle | undefined;
    try {
      file = await open(this.#pathOf(key), "r");
      const { size } = await file.stat();
      if (size !== object.size) {
        const message = `${this.name}/${key} has ${size} bytes now, and had ${object.size}`;
        throw new HeadwaterError("SOURCE_CHANGED", message);
      }
      let at = 0;
      while (at < length) {
        const room = isStream ? this.#memory.take() : new Uint8Array(length - at);
        const most = Math.min(room.length, length - at);
        const { bytesRead } = await file.read(room, 0, most, offset + at);
        this.#check(signal);
        meter?.bytes(bytesRead);
        if (bytesRead === 0) throw this.#shortRead(key, offset, length, at);
        if (isStream) this.#memory.handOut(room, bytesRead, true);
        yield room.subarray(0, bytesRead);
        at += bytesRead;
      }
    } catch (error) {
      throw this.#failure(key, error, "SOURCE_FAILED");
    } finally {
      await file?.close();
      this.#leave();
    }
  }

  /** Resolves when one more file may be open. */
  async #place(): Promise<void> {
    if (this.#open < MOST_OPEN) this.#open += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits for longest takes the place over. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#open -= 1;
    else next();
  }

  async #entries(prefix: string): Promise<string[]> {
    try {
      const entries = await readdir(this.#pathOf(prefix), { withFileTypes: true });
      return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw this.#failure(prefix, error, "SOURCE_FAILED");
    }
  }

  /** Undefined where it is gone again. */
  async #describe(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.#pathOf(key));
      return { key, size, modifiedMs: Math.round(mtimeMs) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw this.#failure(key, error, "SOURCE_FAILED");
    }
  }

  #pathOf(key: string): string {
    return join(this.#root, ...key.split("/"));
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
  }

  #shortRead(key: string, offset: number, length: number, got: number): HeadwaterError {
    const message = `${this.name}/${key}: asked ${length} bytes at ${offset}, got ${got}`;
    return new HeadwaterError("SHORT_READ", message, { retryable: true });
  }

  /** What is ours, or the reason of a signal, stays as it is. */
  #failure(key: string, error: unknown, code: HeadwaterErrorCode): unknown {
    const systemCode = codeOf(error);
    if (systemCode === undefined) return error;
    const name = `${this.name}/${key}`;
    const options = { cause: error };
    if (isAbsent(error)) return new HeadwaterError("SOURCE_NOT_FOUND", `${name} is gone`, options);
    if (systemCode === "EEXIST") return new HeadwaterError("EXISTS", `${name} exists`, options);
    if (systemCode === "ENOSPC") {
      return new HeadwaterError("DESTINATION_FULL", `no space for ${name}`, options);
    }
    return new HeadwaterError(code, `${name}: ${(error as Error).message}`, {
      cause: error,
      retryable: RETRYABLE.includes(systemCode),
    });
  }
}

const RETRYABLE: readonly string[] = ["EIO", "EAGAIN", "EMFILE", "ENFILE", "EBUSY"];

function codeOf(error: unknown): string | undefined {
  if (error instanceof HeadwaterError || !(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return error.name === "AbortError" ? undefined : code;
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** As every store sorts its keys, whatever the language is. */
function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
