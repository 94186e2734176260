import { ByteRate } from "./byte-rate.ts";
import { CheckedDestination, CheckedSource } from "./checked-device.ts";
import {
  type Behavior,
  type CloneOptions,
  checkBehavior,
  type LiveOptions,
} from "./clone-options.ts";
import { Committer } from "./committer.ts";
import { Demand } from "./demand.ts";
import type { ByteRange, RequestClass, SourceDevice, SourceOpener } from "./device.ts";
import { HeadwaterError } from "./errors.ts";
import { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import { Hydration } from "./hydration.ts";
import { Hydrator } from "./hydrator.ts";
import { Ledger } from "./ledger.ts";
import { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
import { Router } from "./router.ts";
import { Scheduler } from "./scheduler.ts";
import { Setbacks, type Verdict } from "./setbacks.ts";
import type { HydrationState } from "./status.ts";
import type { StoredCopy } from "./stored-copy.ts";
import { Writer } from "./writer.ts";
import { Zeros } from "./zeros.ts";

/** How long what opening the source brought keeps the background from starting, at most. */
const HEAD_START_MS = 250;

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
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly ledger: Ledger;
  readonly rate: ByteRate;
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

export function makeEngine(
  options: CloneOptions,
  copy: StoredCopy,
  behavior: Behavior,
  events: EngineEvents,
): Engine {
  const { geometry, map } = copy;
  const { clock, retries } = behavior;
  const source = options.source === undefined ? undefined : new CheckedSource(options.source);
  const destination = new CheckedDestination(options.destination);
  const ledger = new Ledger();
  const locks = new RegionLocks();
  const scheduler = new Scheduler(clock);
  const rate = new ByteRate(clock, behavior.bytesPerSecond);
  const { landed, quarantined, commitFailed } = events;
  const { errorPolicies, noDiscardPassdown } = behavior;
  const setbacks = new Setbacks({ map, geometry, retries, clock, errorPolicies, quarantined });
  const { mapStore } = options;
  const committer = new Committer({ ...copy, destination, mapStore, failed: commitFailed });
  // A crash from here on finds a map that says whose destination this is.
  const ready = copy.stored === undefined ? committer.flush() : Promise.resolve();
  ready.catch(() => {}); // `failed` was told
  const changes = new Changes();
  const ending = new AbortController();

  const shared = {
    destination,
    geometry,
    map,
    locks,
    ledger,
    scheduler,
    rate,
    clock,
    retries,
    closing: ending.signal,
    ready,
  };
  /** A background fetch is followed by the next one in any case. */
  const ended = (by: RequestClass): void => {
    if (by === "demand") hydrator?.wake();
  };
  const fetcher =
    source && new Fetcher({ ...shared, source, landed, ended }, behavior.stallTimeoutMs);
  const demand = fetcher && new Demand({ ...shared, fetcher, readAround: behavior.readAround });
  const bytesPerSecond = (): number => rate.bytesPerSecond;
  const gaveUp = (verdict: Verdict): void => hydration.gaveUp(verdict);
  const hydrator =
    fetcher && new Hydrator({ ...shared, fetcher, setbacks, bytesPerSecond, gaveUp }, behavior);
  const hydration = new Hydration(
    {
      ...shared,
      destination: options.destination,
      committer,
      hydrator,
      setbacks,
      changed: (state, error) => {
        changes.announce();
        events.changed(state, error);
      },
    },
    behavior.noHydration,
  );
  const router = new Router({ ...shared, source, demand, copyOnRead: behavior.copyOnRead });
  const overwritten = (run: Run): void => landed(run, "write");
  const zeroed = (run: Run): void => landed(run, "zeros");
  const zeros = fetcher && source && new Zeros({ ...shared, source, fetcher, zeroed });
  const parts = { fetcher, demand, committer };
  const writer = new Writer({ ...shared, ...parts, noDiscardPassdown, overwritten });

  return {
    ...{ behavior, copy, geometry, map, ledger, rate, scheduler, setbacks, committer },
    ...{ source, router, writer, zeros, hydration, fetcher, hydrator },
    closing: ending.signal,
    nextChange: () => changes.next(),
    stop: async (error) => {
      hydrator?.stop();
      ending.abort(error);
      await fetcher?.close(error);
      await hydration.close(error);
      changes.announce();
    },
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
  const known = noHydration ? undefined : zeros?.mark();
  // Not before the opener had a chance to read what it came for.
  void Promise.race([Promise.all([brought, known]), clock.sleep(HEAD_START_MS, closing)])
    .then(() => clock.sleep(0, closing))
    .then(
      () => hydration.start(),
      () => {}, // closed before
    );
}

/**
 * Puts another device in the source's place; undefined where none is needed any more.
 *
 * @throws {HeadwaterError} `SOURCE_CHANGED` when it is of another blob.
 */
export async function replaceSource(
  engine: Engine,
  to: SourceDevice | SourceOpener,
  signal: AbortSignal | undefined,
): Promise<{ device: SourceDevice; isOurs: boolean } | undefined> {
  const { copy, source, hydration, fetcher } = engine;
  const { identity, sourceSize: size } = copy;
  const isOurs = "open" in to;
  const known = { identity, size };
  const device = isOurs ? await to.open({ known, ...(signal && { signal }) }) : to;
  if (source === undefined || device.identity !== identity || device.size !== size) {
    if (isOurs) await device.close();
    if (source === undefined) return undefined;
    throw new HeadwaterError(
      "SOURCE_CHANGED",
      `the copy is of ${identity}, ${size} bytes, and this source is ${device.identity}, ` +
        `${device.size} bytes`,
    );
  }
  hydration.hold(); // what breaks off now is nobody's failure
  source.replace(device);
  await fetcher?.idle();
  hydration.release();
  hydration.tryAgain();
  return { device, isOurs };
}

/** Changes what can be changed while a clone is open. */
export function configure(engine: Engine, options: LiveOptions): void {
  const { hydrator, rate, geometry } = engine;
  const checked = checkBehavior(options, geometry.regionSize);
  if (options.bytesPerSecond !== undefined) rate.bytesPerSecond = checked.bytesPerSecond;
  if (hydrator === undefined) return;
  if (options.hydrationThreshold !== undefined) hydrator.threshold = checked.hydrationThreshold;
  if (options.hydrationBatchSize !== undefined) hydrator.batchSize = checked.hydrationBatchSize;
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
