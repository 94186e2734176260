import { abortable } from "./abortable.ts";
import { REPLACED } from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import type { Fetch } from "./fetch.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
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

/** Somebody who waits for bytes, and where they are to go. */
export interface Reader {
  readonly offset: number;
  readonly target: Uint8Array;
  /** Whether nothing around its bytes is to be fetched. */
  readonly exact: boolean;
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
   *
   * @param reader what is to be filled; true is returned when it was, before the bytes had to go to
   *   the destination and back.
   */
  async bring(run: Run, signal?: AbortSignal, reader?: Reader): Promise<boolean> {
    const { map, scheduler, retries, clock, closing } = this.#context;
    const { first, end } = run;
    let failures = 0;
    let retry = false;
    while (!map.areHydrated(first, end)) {
      signal?.throwIfAborted();
      scheduler.missed();
      const before = map.hydratedIn(first, end);
      const outcome = await this.#round(run, retry, signal, reader);
      if (outcome === "served") return true;
      if (outcome === "asked") continue;
      retry = true;
      const { error } = outcome;
      if (error === REPLACED) continue;
      if (!isRetryable(error)) throw error;
      // A connection that breaks again and again, but brings something each time, is used.
      failures = map.hydratedIn(first, end) > before ? 1 : failures + 1;
      if (failures > retries.demand || !retries.take(clock.now())) throw error;
      const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
      await clock.sleep(retries.delayMs(failures, error), ended);
    }
    return false;
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
        if (fetcher.refusal(run) !== undefined) return;
        this.#start(run.first, run.end, false);
        next = run.end;
      }
      region = map.nextMissing(next);
    }
  }

  /** Asks once for everything that is missing, and waits for all of it. */
  async #round(
    { first, end }: Run,
    retry: boolean,
    signal: AbortSignal | undefined,
    reader: Reader | undefined,
  ): Promise<"served" | "asked" | { readonly error: unknown }> {
    const { fetcher, map, locks } = this.#context;
    const waits: Promise<void>[] = [];
    let region = map.nextMissing(first);
    while (region !== undefined && region < end) {
      const claim = fetcher.claimOf(region);
      if (claim !== undefined) {
        if (!fetcher.join(region, claim)) continue; // it is free now
        // A fetch that brings all of it serves a reader at once. One that has lost the last region
        // to a write has nothing to wait for there.
        const bringsAll = first === region && fetcher.claimOf(end - 1) === claim;
        if (reader !== undefined && bringsAll) {
          return this.#serve(claim, end, reader, signal);
        }
        waits.push(claim.settled(region));
        region = map.nextMissing(region + 1);
      } else if (locks.isLocked(region)) {
        waits.push(locks.whenFree(region));
        region = map.nextMissing(region + 1);
      } else if (this.#active.size >= MAX_FETCHES) {
        await abortable(Promise.race([...this.#active].map((fetch) => fetch.done)), signal);
        region = map.nextMissing(region);
      } else {
        const run = fetcher.runFrom(region, this.#limit(region, end, reader?.exact));
        const refusal = fetcher.refusal(run);
        if (refusal !== undefined) {
          waits.push(Promise.reject(refusal)); // told when what was asked for before has ended
          break;
        }
        this.#start(run.first, run.end, retry);
        // It is claimed now: joined in the next turn.
      }
    }
    const settled = await abortable(Promise.allSettled(waits), signal);
    for (const result of settled) {
      if (result.status === "rejected") return { error: result.reason };
    }
    return "asked";
  }

  async #serve(
    fetch: Fetch,
    end: number,
    reader: Reader,
    signal: AbortSignal | undefined,
  ): Promise<"served" | "asked" | { readonly error: unknown }> {
    try {
      await abortable(fetch.arrived(end - 1), signal);
      if (fetch.copyTo(reader.offset, reader.target)) return "served";
      // Landed meanwhile, or written over.
      await abortable(fetch.settled(end - 1), signal);
      return "asked";
    } catch (error) {
      if (signal?.aborted) throw error;
      return { error };
    }
  }

  #start(first: number, end: number, retry: boolean): Fetch {
    const fetch = this.#context.fetcher.start({ first, end }, "demand", retry);
    this.#active.add(fetch);
    void fetch.done.then(() => this.#active.delete(fetch));
    return fetch;
  }

  /** A fetch that starts here goes to the end of the read, neither too large nor too small. */
  #limit(region: number, end: number, exact = false): number {
    const { geometry } = this.#context;
    const readAround = exact ? 0 : this.#context.readAround;
    const most = region + geometry.regionsIn(MAX_FETCH_SIZE);
    const least = region + geometry.regionsIn(readAround);
    return Math.min(geometry.regionCount, Math.max(least, Math.min(end, most)));
  }
}
