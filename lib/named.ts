import { joinRanges } from "./byte-ranges.ts";
import type { HydrateOptions } from "./clone-options.ts";
import type { ByteRange } from "./device.ts";
import type { Engine } from "./engine.ts";
import { rangesOf, type Trace, TraceRecorder } from "./trace.ts";

/** What lies between two recorded ranges is fetched with them, if it is no more than that. */
const WARM_GAP: number = 128 * 2 ** 10;

/** Resolves when the ranges, or all, are local. */
export function hydrateNamed(engine: Engine, options: HydrateOptions): Promise<void> {
  const { ranges, priority = 0, signal } = options;
  const runs = ranges && runsOf(engine, ranges);
  return engine.hydration.hydrate(runs, priority, signal);
}

/** Begins to fetch what an earlier run read, before everything else that nobody waits for. */
export function warmUp(engine: Engine, trace: Trace | undefined): void {
  const { geometry, router, hydration, closing } = engine;
  if (trace === undefined || trace.size !== geometry.size) return;
  const ranges = joinRanges(rangesOf(trace), WARM_GAP);
  router.prefetch(ranges); // at once, as far as there is room
  const runs = runsOf(engine, ranges);
  hydration.hydrate(runs, Number.POSITIVE_INFINITY, closing).catch(() => {}); // nobody waits
}

/** What was read since this was first asked. */
export function traceReads({ router, geometry, copy }: Engine): Trace {
  router.recorder ??= new TraceRecorder(geometry);
  return router.recorder.trace(copy.identity);
}

function runsOf(
  { geometry }: Engine,
  ranges: readonly ByteRange[],
): readonly { readonly first: number; readonly end: number }[] {
  return ranges.map(({ offset, length }) => geometry.runOf(offset, length));
}
