import { sharedAbort } from "./abortable.ts";
import { type AdvanceContext, settleAdvance } from "./advance.ts";
import { Budget } from "./budget.ts";
import { ByteRate } from "./byte-rate.ts";
import { CheckedDestination, CheckedSource } from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import {
  type Behavior,
  type CloneOptions,
  checkBehavior,
  checkLimits,
  type LiveOptions,
} from "./clone-options.ts";
import { Committer } from "./committer.ts";
import { Demand } from "./demand.ts";
import type { ByteRange, RequestClass } from "./device.ts";
import type { HeadwaterError } from "./errors.ts";
import { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import { Hedging } from "./hedging.ts";
import { Hydration } from "./hydration.ts";
import { Hydrator } from "./hydrator.ts";
import { Ledger } from "./ledger.ts";
import { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
import type { StoredCopy } from "./restore-map.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { Router } from "./router.ts";
import { Scheduler } from "./scheduler.ts";
import { Setbacks, type Verdict } from "./setbacks.ts";
import type { HydrationState } from "./status.ts";
import { Writer } from "./writer.ts";
import type { WrittenRegions } from "./written-regions.ts";
import { Zeros } from "./zeros.ts";

/** How long what opening the source brought keeps the background from starting, at most. */
const HEAD_START_MS = 250;
/** The same of marking known zeros: the background does not fetch what is about to be marked. */
const ZEROS_START_MS = 1000;

/** What the parts tell the clone. */
export interface EngineEvents {
  landed(run: Run, by: RequestClass | "write" | "zeros"): void;
  changed(state: HydrationState, error: HeadwaterError | undefined): void;
  quarantined(range: ByteRange, error: HeadwaterError): void;
  commitFailed(error: HeadwaterError): void;
}

/** The parts of a clone, put together. */
export interface Engine {
  readonly behavior: Behavior;
  readonly copy: StoredCopy;
  readonly source: CheckedSource | undefined;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly writtenRegions: WrittenRegions;
  readonly locks: RegionLocks;
  readonly ledger: Ledger;
  readonly rate: ByteRate;
  readonly budget: Budget;
  readonly scheduler: Scheduler;
  readonly setbacks: Setbacks;
  readonly committer: Committer;
  readonly router: Router;
  readonly writer: Writer;
  readonly zeros: Zeros | undefined;
  readonly hydration: Hydration;
  readonly fetcher: Fetcher | undefined;
  readonly hydrator: Hydrator | undefined;
  /** Aborted when the clone is closed. */
  readonly closing: AbortSignal;
  /** Ends every fetch and every wait with this error; resolves when nothing is in flight. */
  stop(error: HeadwaterError): Promise<void>;
  /** Resolves at the next change of state. */
  nextChange(): Promise<void>;
}

/** What an engine takes over from one of a former version. */
export interface EngineStart {
  readonly ledger?: Ledger;
  /** From `unfinish` of the destination. */
  readonly putInPlace?: () => Promise<void>;
}

/** @param events asked for only after this has returned. */
export function makeEngine(
  options: CloneOptions,
  copy: StoredCopy,
  behavior: Behavior,
  events: () => EngineEvents,
  start: EngineStart = {},
): Engine {
  const { source, ...base } = makeBase(options, copy, behavior, events, start);
  const { committer, scheduler, rate, setbacks, closing, budget, destination } = base;
  const changes = new Changes();
  const landed: EngineEvents["landed"] = (run, by) => events().landed(run, by);
  const fetching = {
    landed,
    /** A background fetch is followed by the next one in any case. */
    ended: (by: RequestClass): void => {
      if (by === "demand") hydrator?.wake();
    },
  };
  const fetcher = source && new Fetcher({ ...base, ...fetching, source }, behavior.stallTimeoutMs);
  const demand = fetcher && new Demand({ ...base, fetcher, readAround: behavior.readAround });
  const hydrating = {
    bytesPerSecond: (): number => rate.bytesPerSecond,
    gaveUp: (verdict: Verdict): void => hydration.gaveUp(verdict),
  };
  const hydrator = fetcher && new Hydrator({ ...base, ...hydrating, fetcher }, behavior);
  const changed = (state: HydrationState, error: HeadwaterError | undefined): void => {
    changes.announce();
    events().changed(state, error);
  };
  const { finishing } = options;
  const hydration = new Hydration({ ...base, hydrator, changed, finishing }, behavior.noHydration);
  const { copyOnRead, noDiscardPassdown, stallTimeoutMs } = behavior;
  const router = new Router({ ...base, source, demand, copyOnRead, stallTimeoutMs });
  const overwritten = (run: Run): void => landed(run, "write");
  const writer = new Writer({ ...base, fetcher, demand, noDiscardPassdown, overwritten });
  const zeroed = (run: Run): void => landed(run, "zeros");
  const zeros = fetcher && source && new Zeros({ ...base, source, fetcher, zeroed });

  const { geometry, map, writtenRegions, locks, ledger } = base;
  return {
    ...{ behavior, copy, geometry, map, writtenRegions, locks, ledger, rate, scheduler, setbacks },
    ...{ budget, committer, source, destination, router, writer, zeros, hydration, fetcher },
    ...{ hydrator, closing },
    nextChange: () => changes.next(),
    stop: async (error) => {
      hydrator?.stop();
      base.ending.abort(error);
      await fetcher?.close(error);
      await zeros?.idle();
      await hydration.close(error);
      changes.announce();
    },
  };
}

/** What all parts share. */
interface Base {
  readonly source: CheckedSource | undefined;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly writtenRegions: WrittenRegions;
  readonly locks: RegionLocks;
  readonly ledger: Ledger;
  readonly scheduler: Scheduler;
  readonly rate: ByteRate;
  readonly budget: Budget;
  readonly hedging: Hedging | undefined;
  readonly clock: Clock;
  readonly retries: RetryPolicy;
  readonly setbacks: Setbacks;
  readonly committer: Committer;
  ready(): Promise<void>;
  readonly ending: AbortController;
  readonly closing: AbortSignal;
}

/** Resolves when the stored map says whose destination this is, and speaks of this version. */
async function makeReady(
  context: AdvanceContext & Pick<StoredCopy, "stored">,
  start: EngineStart,
): Promise<void> {
  const { stored, destination, committer } = context;
  if (stored === undefined) await committer.begun();
  else if (stored.advancing) {
    const isOpened = start.putInPlace === undefined;
    const putInPlace = isOpened ? await destination.device.unfinish?.() : start.putInPlace;
    await settleAdvance(context, putInPlace);
  }
}

function makeBase(
  options: CloneOptions,
  copy: StoredCopy,
  behavior: Behavior,
  events: () => EngineEvents,
  start: EngineStart,
): Base {
  const { geometry, map, writtenRegions } = copy;
  const { clock, retries, errorPolicies } = behavior;
  const destination = new CheckedDestination(options.destination);
  const { mapStore } = options;
  const failed = (error: HeadwaterError): void => events().commitFailed(error);
  const committer = new Committer({ ...copy, destination, mapStore, failed });
  // A crash from here on finds a map that says whose destination this is.
  const advanced = makeReady({ ...copy, committer, destination, mapStore }, start);
  advanced.catch(() => {}); // `failed` was told
  const ready = (): Promise<void> => (copy.stored === undefined ? committer.begun() : advanced);
  const quarantined: EngineEvents["quarantined"] = (range, error) =>
    events().quarantined(range, error);
  const ending = sharedAbort();
  const ledger = start.ledger ?? new Ledger();
  return {
    source: options.source && new CheckedSource(options.source),
    ...{ destination, geometry, map, writtenRegions, clock, retries, committer, ready, ending },
    locks: new RegionLocks(),
    ledger,
    hedging: behavior.hedge ? new Hedging() : undefined,
    budget: new Budget(ledger, behavior.budget),
    scheduler: new Scheduler(clock),
    rate: new ByteRate(clock, behavior.bytesPerSecond),
    setbacks: new Setbacks({ map, geometry, retries, clock, errorPolicies, quarantined }),
    closing: ending.signal,
  };
}

/** The first fetches: what opening the source already asked for, then the background. */
export function beginFetching(engine: Engine, opened: ByteRange | undefined): void {
  const { fetcher, geometry, hydration, behavior, closing, zeros } = engine;
  const { clock, noHydration } = behavior;
  let brought: Promise<unknown> = Promise.resolve();
  if (fetcher !== undefined && opened !== undefined && opened.length > 0) {
    const first = geometry.regionAt(opened.offset);
    const run = fetcher.runFrom(first, geometry.regionEnd(opened.offset + opened.length));
    if (fetcher.isFree(first)) brought = fetcher.start(run, "demand", false, opened).done;
  }
  const isSaid = !noHydration && engine.source?.device.zeros !== undefined;
  const known = isSaid ? zeros?.mark() : undefined;
  // Not before the opener had a chance to read what it came for.
  const hasBrought = Promise.race([brought, clock.sleep(HEAD_START_MS, closing)]);
  const isKnown = known && Promise.race([known, clock.sleep(ZEROS_START_MS, closing)]);
  void Promise.all([hasBrought, isKnown])
    .then(() => clock.sleep(0, closing))
    .then(
      () => {
        if (!noHydration) hurryShortLived(engine);
        hydration.start();
      },
      () => {}, // closed before
    );
}

/** What may not be had for long comes before the rest, and after everything that is named. */
function hurryShortLived({ source, geometry, hydrator, closing }: Engine): void {
  const ranges = [...(source?.device.shortLived?.() ?? [])];
  if (ranges.length === 0) return;
  const runs = ranges.map(({ offset, length }) => geometry.runOf(offset, length));
  hydrator?.goals.add(runs, Number.NEGATIVE_INFINITY, closing).catch(() => {}); // nobody waits
}

/** Changes what can be changed while a clone is open. */
export function configure(engine: Engine, options: LiveOptions): void {
  const { hydrator, rate, geometry } = engine;
  const checked = checkBehavior(options, geometry.regionSize);
  setLimits(engine, options);
  if (options.bytesPerSecond !== undefined) rate.bytesPerSecond = checked.bytesPerSecond;
  if (hydrator === undefined) return;
  if (options.hydrationThreshold !== undefined) hydrator.threshold = checked.hydrationThreshold;
  if (options.hydrationBatchSize !== undefined) hydrator.batchSize = checked.hydrationBatchSize;
}

/** Higher limits let hydration go on, if it is for them that it paused. */
function setLimits({ budget, hydration }: Engine, options: LiveOptions): void {
  budget.limits = checkLimits(options, budget.limits);
  if (hydration.error?.code === "BUDGET_SPENT") hydration.resume();
}

/** The behavior of a clone with what was changed of it since. */
export function behaviorOf({ behavior, hydrator, rate, budget }: Engine): Behavior {
  const { hydrationThreshold, hydrationBatchSize, noHydration } = behavior;
  return {
    ...behavior,
    hydrationThreshold: hydrator?.threshold ?? hydrationThreshold,
    hydrationBatchSize: hydrator?.batchSize ?? hydrationBatchSize,
    noHydration: hydrator === undefined ? noHydration : !hydrator.scans,
    bytesPerSecond: rate.bytesPerSecond,
    budget: budget.limits,
  };
}

/** Wakes everybody who waits for the next change. */
class Changes {
  #announce = (): void => {};
  #next: Promise<void> | undefined;

  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#announce = resolve;
    });
    return this.#next;
  }

  announce(): void {
    this.#announce();
    this.#next = undefined;
  }
}
