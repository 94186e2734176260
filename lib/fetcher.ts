import type { ByteRange, RequestClass } from "./device.ts";
import { fetchChannel } from "./diagnostics.ts";
import type { HeadwaterError } from "./errors.ts";
import { Fetch, type FetchContext } from "./fetch.ts";
import type { PendingBytes } from "./pending-bytes.ts";
import type { Run } from "./region-map.ts";

export interface FetcherContext extends Omit<FetchContext, "claims" | "beginnings"> {
  /** Called when a fetch has ended and its claims are free. */
  ended(by: RequestClass): void;
}

/**
 * The one way bytes come from the source to the destination. A region is claimed by one fetch at a
 * time, from the moment the fetch starts: whoever wants it meanwhile joins.
 */
export class Fetcher {
  readonly #context: FetchContext;
  readonly #claims = new Map<number, Fetch>();
  readonly #beginnings = new Map<number, PendingBytes>();
  readonly #active = new Set<Fetch>();
  readonly #stopWatching: () => void;
  readonly #ended: FetcherContext["ended"];
  #closed: HeadwaterError | undefined;

  /** @param stallTimeoutMs a source that sends nothing for so long has failed. */
  constructor(context: FetcherContext, stallTimeoutMs: number) {
    this.#context = { ...context, claims: this.#claims, beginnings: this.#beginnings };
    this.#ended = context.ended;
    const { clock } = context;
    this.#stopWatching = clock.every(Math.max(1, stallTimeoutMs / 8), () => {
      for (const fetch of this.#active) fetch.checkStall(clock.now(), stallTimeoutMs);
    });
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Regions that a fetch holds now. */
  get claimedCount(): number {
    return this.#claims.size;
  }

  /** The fetch that brings this region, if any. */
  claimOf(region: number): Fetch | undefined {
    return this.#claims.get(region);
  }

  /** Whether a fetch could start with this region now. */
  isFree(region: number): boolean {
    const { map, locks } = this.#context;
    return !map.isHydrated(region) && !this.#claims.has(region) && !locks.isLocked(region);
  }

  /**
   * How far a fetch that starts with `first`, which is free, can go: to before `limit`, or to the
   * first region that is not free or was already begun, and not further than the budget goes.
   */
  runFrom(first: number, limit: number): Run {
    const { geometry, budget } = this.#context;
    const affordable = geometry.offsetOf(first) + budget.room;
    const last = affordable >= geometry.size ? limit : geometry.regionAt(affordable);
    let end = first + 1;
    while (end < Math.min(limit, last) && this.isFree(end) && !this.#beginnings.has(end)) end += 1;
    return { first, end };
  }

  /** Why a fetch of this run cannot start now; undefined when it can. */
  refusal({ first, end }: Run): HeadwaterError | undefined {
    const { geometry, budget } = this.#context;
    const begun = this.#beginnings.get(first)?.length ?? 0;
    const isAffordable = budget.room >= geometry.lengthOf(first, end) - begun;
    return this.#closed ?? (isAffordable ? undefined : budget.spent());
  }

  /** Claims the regions, all of them free, and begins to bring them. To be asked `refusal` before. */
  start(run: Run, by: RequestClass, retry: boolean, opened?: ByteRange): Fetch {
    if (this.#closed !== undefined) throw this.#closed;
    const request = { ...run, class: by, retry };
    const fetch = new Fetch(this.#context, opened === undefined ? request : { ...request, opened });
    this.#active.add(fetch);
    void fetch.done.then(({ error, landedCount }) => {
      this.#active.delete(fetch);
      if (fetchChannel.hasSubscribers) {
        const { geometry } = this.#context;
        const offset = geometry.offsetOf(run.first);
        const length = geometry.lengthOf(run.first, run.end);
        fetchChannel.publish({ offset, length, class: by, landedCount, error });
      }
      this.#ended(by);
    });
    return fetch;
  }

  /** Takes regions away from whoever brings them: late bytes are dropped. */
  drop(first: number, end: number): void {
    const losers = new Set<Fetch>();
    for (let region = first; region < end; region += 1) {
      const fetch = this.#claims.get(region);
      if (fetch !== undefined) losers.add(fetch);
      this.#claims.delete(region);
      const begun = this.#beginnings.get(region);
      if (begun === undefined) continue;
      this.#beginnings.delete(region);
      this.#context.ledger.abandonedBytes += begun.length;
    }
    for (const fetch of losers) fetch.dropped(first, end);
  }

  /**
   * Whether to wait for the fetch that holds this region. A reader that would wait too long for one
   * in the background takes the rest of it away, and gets false: the region is free now.
   */
  join(region: number, fetch: Fetch): boolean {
    const { geometry, scheduler } = this.#context;
    const end = geometry.offsetOf(region + 1);
    if (fetch.class === "background") {
      const bytesAhead = end - fetch.position;
      const own = geometry.lengthOf(region, region + 1);
      if (bytesAhead > own && scheduler.shouldLeave(bytesAhead, own, fetch.waitedMs)) {
        this.#takeFrom(fetch, region);
        return false;
      }
    }
    return true;
  }

  /** Resolves when no fetch is under way. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all([...this.#active].map(({ done }) => done));
  }

  /** Ends every fetch with this error, and refuses new ones. */
  async close(error: HeadwaterError): Promise<void> {
    this.#closed = error;
    this.#stopWatching();
    const active = [...this.#active];
    for (const fetch of active) fetch.abort(error);
    await Promise.all(active.map((fetch) => fetch.done));
  }

  /** From `first` on: a fetch that skipped the reader's region would only have to stop later. */
  #takeFrom(fetch: Fetch, first: number): void {
    for (let region = first; region < fetch.end; region += 1) {
      if (this.#claims.get(region) === fetch) this.#claims.delete(region);
    }
    fetch.dropped(first, fetch.end);
  }
}
