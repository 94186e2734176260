import type { CheckedDestination } from "./checked-device.ts";
import type { Committer } from "./committer.ts";
import type { Demand } from "./demand.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";

export interface WriterContext {
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly locks: RegionLocks;
  readonly fetcher: Fetcher | undefined;
  readonly demand: Demand | undefined;
  readonly committer: Committer;
  /** Called after regions became hydrated without a byte from the source. */
  overwritten(run: Run): void;
}

/**
 * Writes and discards. A region that is covered whole needs nothing from its source: its claim is
 * taken away, and late bytes are dropped. One that is covered in part is hydrated first.
 */
export class Writer {
  readonly #context: WriterContext;

  constructor(context: WriterContext) {
    this.#context = context;
  }

  /** Both ends lie inside the clone. */
  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (bytes.length === 0) return;
    const { geometry, map, destination, demand } = this.#context;
    const end = offset + bytes.length;
    const first = geometry.regionAt(offset);
    const last = geometry.regionEnd(end) - 1;
    const startsInside = geometry.offsetOf(first) < offset;
    const endsInside = end < geometry.offsetOf(last + 1);
    const edges = new Set<number>();
    if (startsInside) edges.add(first);
    if (endsInside) edges.add(last);
    // Nobody holds a lock here that the fetch could need.
    for (const edge of edges) {
      if (!map.isHydrated(edge)) await demand?.bring({ first: edge, end: edge + 1 }, signal);
    }
    await this.#locked({ first, end: last + 1 }, () => destination.write(offset, [bytes]));
  }

  /**
   * Rounded inward to whole regions; the short tail counts as whole. Those read as zeros
   * afterwards.
   */
  async discard(offset: number, length: number): Promise<void> {
    const { geometry, destination } = this.#context;
    const first = geometry.regionEnd(offset);
    const end =
      offset + length === geometry.size ? geometry.regionCount : geometry.regionAt(offset + length);
    if (first >= end) return;
    await this.#locked({ first, end }, () =>
      destination.discard(geometry.offsetOf(first), geometry.lengthOf(first, end)),
    );
  }

  async #locked(run: Run, change: () => Promise<void>): Promise<void> {
    const { locks, fetcher, committer, map } = this.#context;
    await committer.noteWritten();
    const release = await locks.acquire(run.first, run.end);
    try {
      fetcher?.drop(run.first, run.end);
      await change();
      if (map.areHydrated(run.first, run.end)) return;
      map.markHydrated(run.first, run.end);
      this.#context.overwritten(run);
    } finally {
      release();
    }
  }
}
