import type { CheckedDestination, CheckedSource } from "./checked-device.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import type { Ledger } from "./ledger.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";

/** So many bytes are made zeros under one lock at most. */
const MOST_AT_ONCE: number = 8 * 2 ** 20;

export interface ZerosContext {
  readonly source: CheckedSource;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly locks: RegionLocks;
  readonly fetcher: Fetcher;
  readonly ledger: Ledger;
  /** Nothing may be changed before this. */
  ready(): Promise<void>;
  /** Aborted when the clone is closed. */
  readonly closing: AbortSignal;
  /** Called after regions became hydrated without a byte from the source. */
  zeroed(run: Run): void;
}

/** Makes local, without a fetch, the regions of which the source knows that they read as zeros. */
export class Zeros {
  readonly #context: ZerosContext;
  #underWay: Promise<void> = Promise.resolve();

  constructor(context: ZerosContext) {
    this.#context = context;
  }

  /** Marks them all, one after the other. Never rejects. */
  async mark(): Promise<void> {
    try {
      await this.#markAll();
    } catch {
      // What a source cannot say is fetched, and what fails now fails again where it matters.
    }
  }

  /** Resolves when the destination is not being changed from here. */
  idle(): Promise<void> {
    return this.#underWay;
  }

  async #markAll(): Promise<void> {
    const { source, geometry, closing, ready } = this.#context;
    await ready();
    for await (const { offset, length } of source.zeros(0, source.size, { signal: closing })) {
      if (offset >= geometry.size) return; // the source is larger than the clone
      const { first, end } = geometry.wholeRun(offset, geometry.clip(offset, length));
      await this.#markRun(first, end);
    }
  }

  async #markRun(first: number, end: number): Promise<void> {
    const { map, locks, fetcher, geometry, closing } = this.#context;
    const most = geometry.regionsIn(MOST_AT_ONCE);
    let region = map.nextMissing(first);
    while (region !== undefined && region < end) {
      closing.throwIfAborted();
      if (fetcher.isFree(region)) {
        const limit = Math.min(end, region + most);
        let last = region + 1;
        while (last < limit && fetcher.isFree(last)) last += 1;
        await this.#zero({ first: region, end: last });
        region = map.nextMissing(last);
      } else if (locks.isLocked(region)) {
        await locks.whenFree(region); // of a write, or of a suspension
        region = map.nextMissing(region);
      } else region = map.nextMissing(fetcher.claimOf(region)?.claimedEnd ?? region + 1);
    }
  }

  /** Nobody claims what is locked, so these stay as they are, but for earlier writes. */
  async #zero(run: Run): Promise<void> {
    const { locks, closing, map, fetcher } = this.#context;
    const release = await locks.acquire(run.first, run.end);
    try {
      closing.throwIfAborted();
      if (map.hydratedIn(run.first, run.end) > 0) return;
      fetcher.drop(run.first, run.end);
      const discarded = this.#discard(run);
      this.#underWay = discarded.catch(() => {});
      await discarded;
    } finally {
      release();
    }
  }

  async #discard({ first, end }: Run): Promise<void> {
    const { map, destination, geometry, ledger } = this.#context;
    const length = geometry.lengthOf(first, end);
    await destination.discard(geometry.offsetOf(first), length);
    map.markHydrated(first, end);
    ledger.zeroBytes += length;
    this.#context.zeroed({ first, end });
  }
}
