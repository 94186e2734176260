import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";
import type { Fetch } from "./fetch.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap } from "./region-map.ts";
import { isRetryable, type RetryPolicy } from "./retry-policy.ts";
import type { Scheduler } from "./scheduler.ts";

/** Fetches with a reader waiting, at once. */
const MAX_FETCHES = 16;
/** A large read is taken in pieces of at most this many bytes, side by side. */
const MAX_FETCH_SIZE: number = 2 * 2 ** 20;
/** Read-ahead is taken in pieces of at most this many bytes. */
const AHEAD_FETCH_SIZE: number = 2 ** 20;

export interface DemandContext {
  readonly fetcher: Fetcher;
  readonly map: RegionMap;
  readonly locks: RegionLocks;
  readonly geometry: Geometry;
  readonly scheduler: Scheduler;
  readonly retries: RetryPolicy;
  readonly clock: Clock;
  /** Aborted when the clone is closed. */
  readonly closing: AbortSignal;
  /** A small read fetches at least so many bytes, in whole regions, if they are missing too. */
  readonly readAround: number;
}

/** Makes regions local because somebody waits for them. */
export class Demand {
  readonly #context: DemandContext;
  readonly #active = new Set<Fetch>();

  constructor(context: DemandContext) {
    this.#context = context;
  }

  /**
   * Resolves when all of the regions are hydrated. Joins what is under way, fetches the rest, and
   * tries again what fails, as long as that is of use.
   */
  async bring(first: number, end: number, signal?: AbortSignal): Promise<void> {
    const { map, scheduler, retries, clock, closing } = this.#context;
    let failures = 0;
    let retry = false;
    while (!map.areHydrated(first, end)) {
      signal?.throwIfAborted();
      scheduler.missed();
      const before = map.hydratedIn(first, end);
      const error = await this.#round(first, end, retry, signal);
      if (error === undefined) continue;
      retry = true;
      if (!isRetryable(error)) throw error;
      // A connection that breaks again and again, but brings something each time, is used.
      failures = map.hydratedIn(first, end) > before ? 1 : failures + 1;
      if (failures > retries.demand) throw error;
      const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
      await clock.sleep(retries.delayMs(failures, error), ended);
    }
  }

  /** Starts to fetch what is missing of these regions, as far as there is room, for nobody yet. */
  prefetch(first: number, end: number): void {
    const { fetcher, map, geometry } = this.#context;
    if (fetcher.isClosed) return;
    let region = map.nextMissing(first);
    while (region !== undefined && region < end && this.#active.size < MAX_FETCHES / 2) {
      let next = region + 1;
      if (fetcher.isFree(region)) {
        const limit = Math.min(end, region + geometry.regionsIn(AHEAD_FETCH_SIZE));
        const run = fetcher.runFrom(region, limit);
        this.#start(run.first, run.end, false);
        next = run.end;
      }
      region = map.nextMissing(next);
    }
  }

  /** Asks once for everything that is missing, waits for all of it, and returns the first error. */
  async #round(
    first: number,
    end: number,
    retry: boolean,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { fetcher, map, locks } = this.#context;
    const waits: Promise<void>[] = [];
    let region = map.nextMissing(first);
    while (region !== undefined && region < end) {
      const claim = fetcher.claimOf(region);
      if (claim !== undefined) {
        const joined = fetcher.join(region, claim);
        if (joined === false) continue; // it is free now
        waits.push(joined);
        region = map.nextMissing(region + 1);
      } else if (locks.isLocked(region)) {
        waits.push(locks.whenFree(region));
        region = map.nextMissing(region + 1);
      } else if (this.#active.size >= MAX_FETCHES) {
        await abortable(Promise.race([...this.#active].map((fetch) => fetch.done)), signal);
        region = map.nextMissing(region);
      } else {
        const run = fetcher.runFrom(region, this.#limit(region, end));
        const fetch = this.#start(run.first, run.end, retry);
        // Regions land in order: the last one that is wanted comes last.
        waits.push(fetch.settled(Math.min(run.end, end) - 1));
        region = map.nextMissing(run.end);
      }
    }
    const settled = await abortable(Promise.allSettled(waits), signal);
    for (const result of settled) if (result.status === "rejected") return result.reason;
    return undefined;
  }

  #start(first: number, end: number, retry: boolean): Fetch {
    const fetch = this.#context.fetcher.start({ first, end }, "demand", retry);
    this.#active.add(fetch);
    void fetch.done.then(() => this.#active.delete(fetch));
    return fetch;
  }

  /** A fetch that starts here goes to the end of the read, neither too large nor too small. */
  #limit(region: number, end: number): number {
    const { geometry, readAround } = this.#context;
    const most = region + geometry.regionsIn(MAX_FETCH_SIZE);
    const least = region + geometry.regionsIn(readAround);
    return Math.min(geometry.regionCount, Math.max(least, Math.min(end, most)));
  }
}
