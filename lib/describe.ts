import type { Engine } from "./engine.ts";
import type { HeadwaterError } from "./errors.ts";
import type { CloneMode, CloneStatus } from "./status.ts";

/** How many bytes of a range that lies inside are local. */
export function hydratedBytes(engine: Engine, offset: number, length: number): number {
  const { geometry, map } = engine;
  if (length === 0) return 0;
  const end = offset + length;
  const { first, end: last } = geometry.runOf(offset, length);
  let bytes = map.hydratedIn(first, last) * geometry.regionSize;
  // The regions at the ends belong to the range in part.
  if (map.isHydrated(first)) bytes -= offset - geometry.offsetOf(first);
  if (map.isHydrated(last - 1)) bytes -= last * geometry.regionSize - end;
  return bytes;
}

/** The status of a clone, as of now. */
export function describe(
  engine: Engine,
  mode: CloneMode,
  modeError: HeadwaterError | undefined,
  strongIdentity: boolean,
): CloneStatus {
  const { geometry, map, hydration, fetcher, hydrator, scheduler, copy } = engine;
  const { rate, behavior, setbacks, committer } = engine;
  return {
    mode,
    hydration: hydration.state,
    size: geometry.size,
    sourceSize: copy.sourceSize,
    regionSize: geometry.regionSize,
    regionCount: geometry.regionCount,
    hydratedCount: map.hydratedCount,
    hydratingCount: fetcher?.claimedCount ?? 0,
    hydratedBytes: hydratedBytes(engine, 0, geometry.size),
    hydrationThreshold: hydrator?.threshold ?? behavior.hydrationThreshold,
    hydrationBatchSize: hydrator?.batchSize ?? behavior.hydrationBatchSize,
    concurrency: scheduler.concurrency,
    bytesPerSecond: rate.bytesPerSecond,
    identity: copy.identity,
    strongIdentity,
    written: committer.written,
    quarantined: setbacks.quarantined(),
    error: modeError ?? hydration.error,
  };
}
