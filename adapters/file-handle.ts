import type { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { checkCount, HeadwaterError } from "../lib/index.ts";
import { nodeStream, type ReadableBlob, webStream } from "./streams/index.ts";

/** Which bytes `read` takes, and where to. */
export interface HandleReadOptions {
  /** In the buffer. Default 0. */
  readonly offset?: number;
  /** Default: to the end of the buffer. */
  readonly length?: number;
  /** In the file. Default, and for null or -1: where the last such read ended. */
  readonly position?: number | bigint | null;
}

export interface HandleReadResult<Target extends ArrayBufferView> {
  /** Fewer than asked for only at the end; 0 past it. */
  readonly bytesRead: number;
  readonly buffer: Target;
}

/** What is known of a clone as a file. */
export interface HandleStats {
  readonly size: number;
  isFile(): true;
  isDirectory(): false;
}

/**
 * A clone in the shape of Node's `FileHandle`, as far as it is read. Closing it leaves the clone open.
 * It has no file descriptor: `fd` is -1, and what wants a real one does not work with it.
 */
export function fileHandle(clone: ReadableBlob): CloneFileHandle {
  return new CloneFileHandle(clone);
}

/** What `fileHandle` makes. */
export class CloneFileHandle implements AsyncDisposable {
  readonly fd = -1;
  readonly #clone: ReadableBlob;
  readonly #closed = new AbortController();
  #position = 0;

  constructor(clone: ReadableBlob) {
    this.#clone = clone;
  }

  /**
   * Reads as `FileHandle.read` does: `read(buffer, offset, length, position)`, `read(buffer,
   * options)`, or `read({ buffer, ...options })`.
   *
   * @throws {RangeError} when a range is not in the buffer, or a position not one of a file.
   * @throws {HeadwaterError} what a read throws; `CLOSED` after `close`.
   */
  read<Target extends ArrayBufferView>(
    buffer: Target,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<HandleReadResult<Target>>;
  read<Target extends ArrayBufferView>(
    buffer: Target,
    options?: HandleReadOptions,
  ): Promise<HandleReadResult<Target>>;
  read<Target extends ArrayBufferView>(
    options: HandleReadOptions & { readonly buffer: Target },
  ): Promise<HandleReadResult<Target>>;
  async read<Target extends ArrayBufferView>(
    first: Target | (HandleReadOptions & { readonly buffer: Target }),
    second?: number | null | HandleReadOptions,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<HandleReadResult<Target>> {
    this.#checkOpen();
    const buffer = ArrayBuffer.isView(first) ? first : first.buffer;
    const options = ArrayBuffer.isView(first) ? second : first;
    const given =
      typeof options === "object" && options !== null
        ? options
        : { offset: options ?? 0, length, position };
    const { at, target, isNext } = this.#place(buffer, given);
    const bytes = await this.#clone.read(at, target.length, { signal: this.#closed.signal });
    target.set(bytes);
    if (isNext) this.#position = at + bytes.length;
    return { bytesRead: bytes.length, buffer };
  }

  async stat(): Promise<HandleStats> {
    this.#checkOpen();
    return { size: this.#clone.size, isFile: () => true, isDirectory: () => false };
  }

  /** All of it, or what is left after what `read` has taken without a position. */
  readFile(options?: { readonly signal?: AbortSignal }): Promise<Buffer>;
  readFile(
    options: BufferEncoding | { readonly encoding: BufferEncoding; readonly signal?: AbortSignal },
  ): Promise<string>;
  async readFile(
    options:
      | BufferEncoding
      | { readonly encoding?: BufferEncoding; readonly signal?: AbortSignal } = {},
  ): Promise<Buffer | string> {
    this.#checkOpen();
    const { encoding, signal } =
      typeof options === "string" ? { encoding: options, signal: undefined } : options;
    const ends = signal && AbortSignal.any([signal, this.#closed.signal]);
    const at = this.#position;
    const length = Math.max(0, this.#clone.size - at);
    const bytes = await this.#clone.read(at, length, { signal: ends ?? this.#closed.signal });
    this.#position = at + bytes.length;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return encoding === undefined ? buffer : buffer.toString(encoding);
  }

  /** @param options `end` is the last byte, as in Node, and not the one after it. */
  createReadStream(
    options: { start?: number; end?: number; encoding?: BufferEncoding; signal?: AbortSignal } = {},
  ): Readable {
    this.#checkOpen();
    const { start = this.#position, end, encoding, signal } = options;
    const length = end === undefined ? undefined : checkCount("end", end, start) - start + 1;
    const stream = nodeStream(this.#clone, {
      offset: start,
      ...(length !== undefined && { length }),
      signal: signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal,
    });
    return encoding === undefined ? stream : stream.setEncoding(encoding);
  }

  readableWebStream(): ReadableStream<Uint8Array> {
    this.#checkOpen();
    return webStream(this.#clone, { offset: this.#position, signal: this.#closed.signal });
  }

  /** Ends what is under way with `CLOSED`. The clone stays open. */
  async close(): Promise<void> {
    this.#closed.abort(new HeadwaterError("CLOSED", "the file handle is closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    this.#closed.signal.throwIfAborted();
  }

  #place(
    buffer: ArrayBufferView,
    options: {
      readonly offset?: number | null;
      readonly length?: number | null | undefined;
      readonly position?: number | bigint | null | undefined;
    },
  ): { at: number; target: Uint8Array; isNext: boolean } {
    const { byteLength } = buffer;
    const offset = checkCount("offset", options.offset ?? 0, 0);
    const length = checkCount("length", options.length ?? byteLength - offset, 0);
    if (offset + length > byteLength) {
      throw new RangeError(
        `${length} bytes at ${offset} go past the buffer's end at ${byteLength}`,
      );
    }
    const position = Number(options.position ?? -1);
    const isNext = position === -1;
    const at = isNext ? this.#position : checkCount("position", position, 0);
    return {
      at,
      target: new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length),
      isNext,
    };
  }
}
