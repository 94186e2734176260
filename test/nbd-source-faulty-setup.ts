import * as assert from "uvu/assert";
import { type NbdOptions, nbd } from "../adapters/nbd/index.ts";
import type { HeadwaterError, HeadwaterErrorCode, SourceDevice } from "../lib/index.ts";
import { type Faults, FaultyServer } from "./nbd-source-faulty-server.ts";

/** Runs with a source of a server with these faults, and closes both. */
export async function withSource(
  faults: Faults,
  run: (source: SourceDevice, server: FaultyServer) => Promise<void>,
  options: NbdOptions = {},
): Promise<void> {
  const server = await FaultyServer.start(faults);
  try {
    const source = await nbd(server.uri, options).open();
    try {
      await run(source, server);
    } finally {
      await source.close();
    }
  } finally {
    await server.close();
  }
}

/** Checks what an error says to programs and to people. */
export function isFailure(
  error: HeadwaterError,
  code: HeadwaterErrorCode,
  retryable: boolean,
  words: RegExp,
): void {
  assert.equal([error.code, error.retryable], [code, retryable], error.message);
  assert.match(error.message, words);
}
