import type { ByteRange } from "../../lib/index.ts";
import type { Clone } from "../hydrate.ts";
import type { ReadRequest } from "./command-line.ts";
import { announce, closesInTime, openClone, watch } from "./copy-session.ts";
import { EXIT } from "./exit-codes.ts";
import { HydrationFailure } from "./failure.ts";
import { type HydrateRequest, parseHydrateRequest } from "./hydrate-request.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { chooseReporter, writeOut } from "./output.ts";
import type { Reporter } from "./reporter.ts";

/** What is read at once for `--read`, in bytes. */
const READ_SIZE = 2 ** 20;

/** Of the ranges still missing, for a failure's report. */
const MISSING_LIMIT = 1000;

/** `headwater <url> [file]`: resolves to the exit code; what goes wrong is thrown. */
export function runHydrate(args: readonly string[]): Promise<number> {
  return makeLocal(parseHydrateRequest(args));
}

/** Resolves to the exit code; what goes wrong is thrown. */
export async function makeLocal(request: HydrateRequest): Promise<number> {
  const reporter = chooseReporter(request);
  const interruption = new Interruption();
  const startedAt = performance.now();
  const clone = await openClone(request, reporter, interruption);
  try {
    announce(clone, request.file, reporter);
    await interruption.orElse(work(clone, request, reporter, interruption.signal));
  } catch (error) {
    return await endEarly(clone, request.file, reporter, error);
  }
  await clone.close();
  const { size, hydratedBytes, hydration } = clone.status();
  const stats = clone.stats();
  const { file } = request;
  if (hydration === "complete") {
    const elapsedMs = Math.round(performance.now() - startedAt);
    reporter.ended({ event: "hydrated", file, size, elapsedMs, stats });
  } else {
    reporter.ended({ event: "closed", file, size, hydratedBytes, stats });
  }
  return EXIT.done;
}

/** Ends when all that was asked for is done. The reads go on while the rest is fetched. */
async function work(
  clone: Clone,
  { read, options }: HydrateRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const watching = watch(clone, reporter, AbortSignal.any([signal, done.signal]));
  try {
    await Promise.all([
      read === undefined ? undefined : writeRange(clone, read, signal),
      options.noHydration ? undefined : clone.hydrated(),
    ]);
  } finally {
    // When it is complete the last report says so, and is waited for.
    if (clone.status().hydration !== "complete") done.abort();
    await watching;
  }
}

/** Writes the range to stdout piece by piece; past the end of the blob there is nothing. */
async function writeRange(clone: Clone, read: ReadRequest, signal: AbortSignal): Promise<void> {
  const start = read.offset < 0 ? Math.max(0, clone.size + read.offset) : read.offset;
  const end = Math.min(start + read.length, clone.size);
  for (let offset = start; offset < end; offset += READ_SIZE) {
    const bytes = await clone.read(offset, Math.min(READ_SIZE, end - offset), { signal });
    if (!(await writeOut(bytes))) return;
  }
}

/** Leaves a copy that can be resumed. Returns for an interruption, throws for a failure. */
async function endEarly(
  clone: Clone,
  file: string,
  reporter: Reporter,
  reason: unknown,
): Promise<never> {
  reporter.stop();
  const saved = await closesInTime(clone);
  const missing = firstMissing(clone);
  if (!(reason instanceof Interrupted)) throw new HydrationFailure(reason, missing);
  const { by } = reason;
  const { size, hydratedBytes } = clone.status();
  reporter.ended({ event: "interrupted", signal: by, file, at: { size, hydratedBytes }, saved });
  throw reason;
}

function firstMissing(clone: Clone): ByteRange[] {
  const missing: ByteRange[] = [];
  for (const range of clone.missing()) {
    if (missing.push(range) === MISSING_LIMIT) break;
  }
  return missing;
}
