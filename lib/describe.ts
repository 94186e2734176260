import type { Access } from "./access.ts";
import type { Engine } from "./engine.ts";
import { hydratedBytes } from "./local-ranges.ts";
import { mapSlotSize } from "./map-format.ts";
import type { BudgetStatus, CloneStatus } from "./status.ts";

/** The status of a clone, as of now. */
export function describe(engine: Engine, access: Access): CloneStatus {
  const { geometry, map, hydration, fetcher, hydrator, scheduler, copy, source } = engine;
  const { rate, behavior, setbacks, committer } = engine;
  return {
    mode: access.mode,
    suspended: access.isSuspended,
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
    budget: describeBudget(engine),
    identity: copy.identity,
    strongIdentity: source?.device.strongIdentity ?? true,
    written: committer.written,
    writtenCount: engine.writtenRegions.count,
    writtenIsExact: committer.isRecordExact,
    copyOnRead: behavior.copyOnRead,
    noDiscardPassdown: behavior.noDiscardPassdown,
    mapUsed: committer.storedSize,
    mapSize: mapSlotSize(geometry.regionCount),
    quarantined: setbacks.quarantined(),
    error: access.error ?? hydration.error,
  };
}

function describeBudget({ budget, ledger }: Engine): BudgetStatus {
  const { maxBytes, maxRequests, maxCost } = budget.limits;
  const { bytesFetched: bytes, requests } = ledger;
  return { bytes, maxBytes, requests, maxRequests, cost: budget.cost, maxCost };
}
