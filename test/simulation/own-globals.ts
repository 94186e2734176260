import { createHash } from "node:crypto";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Runs `work` in a process in which nothing is left to chance: dice, hashes and turns of the event
 * loop are those of the simulation. One at a time.
 *
 * @param uncaught told of every rejection that nobody handled.
 */
export async function withOwnGlobals<T>(
  random: Random,
  timeline: () => Timeline,
  uncaught: (error: unknown) => void,
  work: () => Promise<T>,
): Promise<T> {
  const { random: realRandom } = Math;
  const realImmediate = globalThis.setImmediate;
  const { subtle } = globalThis.crypto;
  Math.random = () => random.fraction();
  // The real one is computed in another thread, and comes back whenever that is done.
  Object.defineProperty(subtle, "digest", {
    configurable: true,
    value: async (_: string, bytes: Uint8Array) =>
      new Uint8Array(createHash("sha256").update(bytes).digest()).buffer,
  });
  const setImmediate = (turn: (...values: unknown[]) => void, ...values: unknown[]) =>
    timeline().after(0, () => turn(...values));
  globalThis.setImmediate = setImmediate as unknown as typeof globalThis.setImmediate;
  process.on("unhandledRejection", uncaught);
  try {
    const result = await work();
    await new Promise((resolve) => realImmediate(resolve)); // now they are all known
    return result;
  } finally {
    process.off("unhandledRejection", uncaught);
    globalThis.setImmediate = realImmediate;
    Reflect.deleteProperty(subtle, "digest");
    Math.random = realRandom;
  }
}
