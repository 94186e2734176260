import * as assert from "uvu/assert";
import { isHeadwaterError } from "../lib/index.ts";

/** Whether an error is `CORRUPT`, with these words and of this place in the database. */
export function isCorrupt(words: RegExp, offset?: number): (error: unknown) => boolean {
  return (error) =>
    isHeadwaterError(error, "CORRUPT") &&
    words.test(error.message) &&
    (offset === undefined || error.offset === offset);
}

/** This ends with `CORRUPT`, these words and this place. */
export async function rejects(
  work: AsyncIterable<unknown> | Promise<unknown>,
  words: RegExp,
  offset?: number,
): Promise<void> {
  const run = async (): Promise<void> => {
    if (work instanceof Promise) await work;
    else for await (const _ of work);
  };
  const error = await run().then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(isCorrupt(words, offset)(error), `${words} at ${offset}: ${error}`);
}
