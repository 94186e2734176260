import { HeadwaterError } from "../../lib/index.ts";
import { readPieces } from "../streams/index.ts";
import type { Answer } from "./answer.ts";
import { type ServedBlob, validatorsOf } from "./served-blob.ts";

/**
 * The bytes of an answer, read as they are asked for.
 *
 * @throws {HeadwaterError} what a read throws; `SOURCE_CHANGED` when the blob is no longer what the
 *   answer's headers say.
 */
export async function* bodyOf(
  answer: Answer,
  served: ServedBlob,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const part of answer.body) {
    if (typeof part === "string") {
      yield new TextEncoder().encode(part);
      continue;
    }
    for await (const piece of readPieces(served.blob, { ...part, signal })) {
      // A write is noted before it changes anything, so a piece that has some of it is seen here.
      if (validatorsOf(served).etag !== answer.validators.etag) {
        throw new HeadwaterError("SOURCE_CHANGED", "the blob was changed while it was sent");
      }
      yield piece;
    }
  }
}
