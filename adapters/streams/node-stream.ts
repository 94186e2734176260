import { Readable } from "node:stream";
import { checkStream, readPieces, type StreamOptions } from "./pieces.ts";
import type { ReadableBlob } from "./readable-blob.ts";

/**
 * A part of a blob as a stream of Node's. Nothing is read before it is wanted. Destroying it, or
 * the signal, ends a read that waits. Errors are those of `readPieces`.
 *
 * @throws {RangeError} when offset, length or read-ahead is not a whole number of at least 0.
 */
export function nodeStream(blob: ReadableBlob, options: StreamOptions = {}): Readable {
  checkStream(blob, options);
  const { signal } = options;
  const ending = new AbortController();
  const pieces = readPieces(blob, { ...options, signal: ending.signal });
  return new Readable({
    ...(signal && { signal }),
    read(): void {
      pieces.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done): void {
      ending.abort();
      pieces.return().then(
        () => done(error),
        () => done(error),
      );
    },
  });
}
