import { pathToFileURL } from "node:url";
import { isHeadwaterError } from "../../lib/index.ts";
import type { Clone } from "../hydrate.ts";
import { announce, closesInTime, openClone, watch } from "./copy-session.ts";
import { closeDoors, type Door, openDoors } from "./doors.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { chooseReporter } from "./output.ts";
import type { Reporter } from "./reporter.ts";
import { isCopy, noSource, openForeign } from "./serve-file.ts";
import { parseServeRequest, type ServeRequest } from "./serve-request.ts";

/** `headwater serve --http <where> <url> [file]`: ends by a signal, or by throwing what went wrong. */
export async function runServe(args: readonly string[]): Promise<number> {
  const request = parseServeRequest(args);
  const reporter = chooseReporter(request);
  const interruption = new Interruption();
  const { url, file } = request;
  if (url === undefined && !isCopy(file)) return serveForeign(request, reporter, interruption);
  const what = url === undefined ? { url: pathToFileURL(file), opener: noSource(file) } : { url };
  const startedAt = performance.now();
  const clone = await openClone({ ...request, ...what }, reporter, interruption);
  let doors: readonly Door[] = [];
  try {
    doors = await interruption.orElse(openDoors(clone, request));
    sayAddresses(doors, request);
    announce(clone, file, reporter);
    for (const { uri, writable } of doors) reporter.notice({ event: "serving", uri, writable });
    const { signal } = interruption;
    return await interruption.orElse(hydrateAndStay(clone, request, reporter, startedAt, signal));
  } catch (error) {
    reporter.stop();
    // A flush that failed has lost what clients wrote: that is worse than what ended us.
    const lost = await closeDoors(doors);
    const isComplete = clone.status().hydration === "complete";
    const saved = await closesInTime(clone);
    if (error instanceof Interrupted && !isComplete) {
      const { size, hydratedBytes } = clone.status();
      const at = { size, hydratedBytes };
      reporter.ended({ event: "interrupted", signal: error.by, file, at, saved });
    }
    throw lost ?? error;
  }
}

async function serveForeign(
  request: ServeRequest,
  reporter: Reporter,
  interruption: Interruption,
): Promise<never> {
  const door = await openForeign(request);
  try {
    sayAddresses([door], request);
    reporter.notice({ event: "serving", uri: door.uri, writable: false });
    return await interruption.orElse(forEver());
  } finally {
    reporter.stop();
    await door.close();
  }
}

function sayAddresses(doors: readonly Door[], { json }: ServeRequest): void {
  if (json) return;
  for (const { uri } of doors) process.stdout.write(`${uri}\n`);
}

/** Never ends by itself: what was fetched, and what was not, goes on being served. */
async function hydrateAndStay(
  clone: Clone,
  { file, options }: ServeRequest,
  reporter: Reporter,
  startedAt: number,
  signal: AbortSignal,
): Promise<never> {
  const watching = watch(clone, reporter, signal);
  if (!options.noHydration) {
    try {
      await clone.hydrated();
      await watching;
      const elapsedMs = Math.round(performance.now() - startedAt);
      const stats = clone.stats();
      reporter.ended({ event: "hydrated", file, size: clone.size, elapsedMs, stats });
    } catch (error) {
      const code = isHeadwaterError(error) ? error.code : "";
      const message = error instanceof Error ? error.message : String(error);
      if (!signal.aborted) reporter.notice({ event: "stopped", code, message });
    }
  }
  return await forEver();
}

function forEver(): Promise<never> {
  return new Promise<never>(() => {});
}
