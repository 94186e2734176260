import { setTimeout as sleep } from "node:timers/promises";
import { isHeadwaterError, type ReadOptions } from "../../lib/index.ts";
import type { Listing, ObjectSource, StoredObject } from "./store.ts";

/** How often something is tried in all, and how long before the second time; then twice as long. */
const TRIES = 4;
const FIRST_DELAY_MS = 100;

/** A store whose lists and reads are tried again where that may help. Streams are not. */
export function patient(store: ObjectSource): Pick<ObjectSource, "name" | "list" | "read"> {
  return {
    name: store.name,
    list: (prefix: string, after: string, options?: ReadOptions): Promise<Listing> =>
      persistently(() => store.list(prefix, after, options), options?.signal),
    read: (
      object: StoredObject,
      offset: number,
      length: number,
      options?: ReadOptions,
    ): Promise<Uint8Array> =>
      persistently(() => store.read(object, offset, length, options), options?.signal),
  };
}

async function persistently<Result>(
  work: () => Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isHeadwaterError(error) || !error.retryable || tried === TRIES) throw error;
      const delayMs = error.retryAfterMs ?? FIRST_DELAY_MS * 2 ** (tried - 1);
      await sleep(delayMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
