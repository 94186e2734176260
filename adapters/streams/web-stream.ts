import { ReadableStream } from "node:stream/web";
import { checkStream, readPieces, type StreamOptions } from "./pieces.ts";
import type { ReadableBlob } from "./readable-blob.ts";

/**
 * A part of a blob as a web stream of bytes. Nothing is read before it is wanted. Cancelling it, or
 * the signal, ends a read that waits. Errors are those of `readPieces`.
 *
 * @throws {RangeError} when offset, length or read-ahead is not a whole number of at least 0.
 */
export function webStream(
  blob: ReadableBlob,
  options: StreamOptions = {},
): ReadableStream<Uint8Array> {
  checkStream(blob, options);
  return streamOf((signal) => readPieces(blob, { ...options, signal }), options.signal);
}

/** @param open begins what yields the pieces, which the signal ends. */
export function streamOf(
  open: (signal: AbortSignal) => AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const ending = new AbortController();
  const pieces = open(ending.signal);
  let abort = (): void => {};
  const leave = (): void => signal?.removeEventListener("abort", abort);
  return new ReadableStream({
    type: "bytes",
    start: (controller) => {
      abort = () => {
        leave();
        ending.abort(signal?.reason);
        controller.error(signal?.reason);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort);
    },
    pull: async (controller) => {
      try {
        const { done, value } = await pieces.next();
        if (ending.signal.aborted) return;
        if (done !== true) {
          controller.enqueue(value);
          return;
        }
        leave();
        controller.close();
        controller.byobRequest?.respond(0); // whoever brought a buffer is told too
      } catch (error) {
        leave();
        throw error;
      }
    },
    cancel: async (reason) => {
      leave();
      ending.abort(reason);
      await pieces.return();
    },
  });
}
