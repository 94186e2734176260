import { isHeadwaterError } from "../../lib/index.ts";
import type { Clone } from "../hydrate.ts";
import { type NbdServer, serveNbd } from "../nbd/index.ts";
import { announce, closesInTime, openClone, watch } from "./copy-session.ts";
import { UsageError } from "./exit-codes.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { chooseReporter } from "./output.ts";
import type { Reporter } from "./reporter.ts";
import { parseServeRequest, type ServeRequest } from "./serve-request.ts";

/** `headwater serve --nbd <where> <url> [file]`: ends by a signal, or by throwing what went wrong. */
export async function runServe(args: readonly string[]): Promise<number> {
  const request = parseServeRequest(args);
  const reporter = chooseReporter(request);
  const interruption = new Interruption();
  const startedAt = performance.now();
  const clone = await openClone(request, reporter, interruption);
  let server: NbdServer | undefined;
  try {
    server = await interruption.orElse(serve(clone, request));
    if (!request.json) process.stdout.write(`${server.uriOf(request.exportName)}\n`);
    announce(clone, request.file, reporter);
    const { writable, exportName } = request;
    reporter.notice({ event: "serving", uri: server.uriOf(exportName), writable });
    const { signal } = interruption;
    return await interruption.orElse(hydrateAndStay(clone, request, reporter, startedAt, signal));
  } catch (error) {
    reporter.stop();
    // A flush that failed has lost what clients wrote: that is worse than what ended us.
    const lost = await server?.close().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    const isComplete = clone.status().hydration === "complete";
    const saved = await closesInTime(clone);
    if (error instanceof Interrupted && !isComplete) {
      const { size, hydratedBytes } = clone.status();
      const at = { size, hydratedBytes };
      const { file } = request;
      reporter.ended({ event: "interrupted", signal: error.by, file, at, saved });
    }
    throw lost ?? error;
  }
}

async function serve(clone: Clone, request: ServeRequest): Promise<NbdServer> {
  const { address, exportName, writable, tls, url } = request;
  const exports = { [exportName]: { clone, description: url.pathname } };
  try {
    return await serveNbd(exports, { ...address, readOnly: !writable, ...(tls && { tls }) });
  } catch (error) {
    // What was typed reached it as it was: a path that is too long, a port that is not ours.
    if (isHeadwaterError(error) || !(error instanceof Error)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
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
  return await new Promise<never>(() => {});
}
