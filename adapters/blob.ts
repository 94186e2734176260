import type { ReadableStream } from "node:stream/web";
import { HeadwaterError } from "../lib/index.ts";
import { guardVersion, type ReadableBlob, webStream } from "./streams/index.ts";

export interface BlobOptions {
  /** MIME type. Default: none. */
  readonly type?: string;
}

/**
 * A clone in the shape of a web `Blob`: nothing is read before it is asked for, and slices share it.
 * It is for code that calls a Blob's methods. What takes a Blob's bytes without calling them (`new
 * Blob([blob])`, `structuredClone`, and `new Response(blob)` on some versions of Node) is to be given
 * `blob.stream()` or `await blob.bytes()` instead: where such code makes a text of it, it throws.
 *
 * A Blob does not change: once the clone is of another version than when this was made, every read
 * rejects with `SOURCE_CHANGED`.
 */
export function blobOf(clone: ReadableBlob, options: BlobOptions = {}): CloneBlob {
  const view = { clone, check: guardVersion(clone), offset: 0, size: clone.size };
  return new CloneBlob(view, options.type);
}

/** The part of a clone that a blob is. */
interface View {
  readonly clone: ReadableBlob;
  readonly check: () => void;
  readonly offset: number;
  readonly size: number;
}

/** What `blobOf` makes. */
export class CloneBlob {
  readonly [Symbol.toStringTag] = "Blob";
  readonly type: string;
  readonly #view: View;

  /** @param view as `blobOf` makes it. */
  constructor(view: View, type = "") {
    this.#view = view;
    this.type = /[^\x20-\x7e]/.test(type) ? "" : type.toLowerCase();
  }

  get size(): number {
    return this.#view.size;
  }

  /** Like `Blob.slice`: offsets may be negative, and are cut to what is there. Reads nothing. */
  slice(start = 0, end: number = this.size, type = ""): CloneBlob {
    const first = within(start, this.size);
    const size = Math.max(0, within(end, this.size) - first);
    return new CloneBlob({ ...this.#view, offset: this.#view.offset + first, size }, type);
  }

  /** @throws {HeadwaterError} what a read throws, or `SOURCE_CHANGED`. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const { clone, check, offset, size } = this.#view;
    check();
    const bytes = await clone.read(offset, size);
    check();
    if (bytes.length !== size) {
      const message = `asked ${size} bytes at ${offset}, got ${bytes.length}`;
      throw new HeadwaterError("SHORT_READ", message, { offset, length: size });
    }
    const { buffer } = bytes;
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === size;
    return isOwn ? new Uint8Array(buffer) : new Uint8Array(bytes);
  }

  /** As UTF-8, without a byte order mark. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Reads ahead of whoever takes it, and no further than its end. */
  stream(): ReadableStream<Uint8Array> {
    const { clone, check, offset, size } = this.#view;
    check();
    return webStream(clone, { offset, length: size });
  }

  /** Throws: what takes this for a text would take its name for its bytes. */
  toString(): never {
    throw new TypeError(
      "a CloneBlob is no text: pass its stream(), or await its bytes() or text()",
    );
  }
}

function within(offset: number, size: number): number {
  const whole = Math.trunc(offset) || 0; // NaN is 0, as in a Blob
  return Math.min(size, Math.max(0, whole < 0 ? size + whole : whole));
}
