import { type Clone, hydrate } from "../hydrate.ts";
import { UsageError } from "./exit-codes.ts";
import type { HydrateRequest } from "./hydrate-request.ts";
import { Interrupted, type Interruption } from "./interruption.ts";
import { RegionPicture } from "./region-picture.ts";
import type { Reporter } from "./reporter.ts";

/** A close that takes longer, on a disk that hangs say, is not waited for. */
const CLOSE_LIMIT_MS = 5000;

/** @throws {UsageError} for an option that the library refuses; else as `hydrate`. */
export async function openClone(
  { url, opener, file, options }: Pick<HydrateRequest, "url" | "opener" | "file" | "options">,
  reporter: Reporter,
  interruption: Interruption,
): Promise<Clone> {
  const { signal } = interruption;
  try {
    return await interruption.orElse(hydrate(opener ?? url, file, { ...options, signal }));
  } catch (error) {
    if (error instanceof Interrupted) {
      reporter.ended({ event: "interrupted", signal: error.by, file });
    }
    // What was typed reached it nearly as it was: a header, a proxy.
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}

/** Tells the reporter what there is, and from now on what happens. */
export function announce(clone: Clone, file: string, reporter: Reporter): void {
  const { size, regionSize, hydratedBytes, identity } = clone.status();
  const picture = new RegionPicture(size, (offset, length) =>
    clone.hydratedBytesIn(offset, length),
  );
  clone.on("landed", (landed) => picture.landed(landed));
  clone.on("restarted", () => reporter.notice({ event: "restarted" }));
  clone.on("advanced", (advanced) => reporter.notice({ event: "advanced", ...advanced }));
  clone.on("quarantined", ({ offset, length, error }) => {
    const { code, message } = error;
    reporter.notice({ event: "quarantined", offset, length, code, message });
  });
  reporter.opened({ file, size, regionSize, hydratedBytes, identity, picture });
}

/** Tells the reporter how far it is, until it is whole or the signal is aborted. */
export async function watch(clone: Clone, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const { intervalMs } = reporter;
  try {
    for await (const progress of clone.progress({ intervalMs, signal })) {
      if (signal.aborted) return;
      reporter.progress(progress);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Whether it was closed, and what is here saved, before we gave up waiting for it. */
export async function closesInTime(opened: { close(): Promise<void> }): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, CLOSE_LIMIT_MS, false);
  });
  try {
    return await Promise.race([opened.close().then(() => true), late]);
  } catch {
    return false; // what ended the work is reported, not what it did to the close
  } finally {
    clearTimeout(timer);
  }
}
