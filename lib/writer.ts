import type { CheckedDestination } from "./checked-device.ts";
import type { WriteOptions } from "./clone-options.ts";
import type { Committer } from "./committer.ts";
import type { Demand } from "./demand.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
import type { WrittenRegions } from "./written-regions.ts";

/** One write of zeros takes at most so many bytes. */
const ZEROS: Uint8Array = new Uint8Array(2 ** 20);

export interface WriterContext {
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly writtenRegions: WrittenRegions;
  readonly locks: RegionLocks;
  readonly fetcher: Fetcher | undefined;
  readonly demand: Demand | undefined;
  readonly committer: Committer;
  /** Whether zeros are written where the destination could discard. */
  readonly noDiscardPassdown: boolean;
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
  async write(offset: number, bytes: Uint8Array, options: WriteOptions): Promise<void> {
    const { destination } = this.#context;
    await this.#over(offset, bytes.length, options, () => destination.write(offset, [bytes]));
  }

  /** Both ends lie inside the clone. Exactly these bytes read as zeros afterwards. */
  async writeZeroes(offset: number, length: number, options: WriteOptions): Promise<void> {
    await this.#over(offset, length, options, () => this.#fillZeros(offset, length));
  }

  /**
   * Rounded inward to whole regions; the short tail counts as whole. Those read as zeros
   * afterwards.
   */
  async discard(offset: number, length: number, options: WriteOptions): Promise<void> {
    const { geometry, destination, noDiscardPassdown } = this.#context;
    const { first, end } = geometry.wholeRun(offset, length);
    if (first < end) {
      const start = geometry.offsetOf(first);
      const size = geometry.lengthOf(first, end);
      await this.#locked({ first, end }, () =>
        noDiscardPassdown ? this.#fillZeros(start, size) : destination.discard(start, size),
      );
    }
    await this.#settle(options);
  }

  /** Changes a range, after the regions that it covers in part are local. */
  async #over(
    offset: number,
    length: number,
    options: WriteOptions,
    change: () => Promise<void>,
  ): Promise<void> {
    if (length > 0) {
      const { geometry, map, demand } = this.#context;
      const end = offset + length;
      const run = geometry.runOf(offset, length);
      const edges = new Set<number>();
      if (geometry.offsetOf(run.first) < offset) edges.add(run.first);
      if (end < geometry.offsetOf(run.end)) edges.add(run.end - 1);
      // Nobody holds a lock here that the fetch could need.
      for (const edge of edges) {
        if (map.isHydrated(edge)) continue;
        await demand?.bring({ first: edge, end: edge + 1 }, options.signal);
      }
      await this.#locked(run, change);
    }
    await this.#settle(options);
  }

  async #fillZeros(offset: number, length: number): Promise<void> {
    const { destination } = this.#context;
    const end = offset + length;
    for (let at = offset; at < end; at += ZEROS.length) {
      await destination.write(at, [ZEROS.subarray(0, end - at)]);
    }
  }

  async #locked(run: Run, change: () => Promise<void>): Promise<void> {
    const { locks, fetcher, committer, map, writtenRegions } = this.#context;
    await committer.noteWritten();
    const release = await locks.acquire(run.first, run.end);
    try {
      fetcher?.drop(run.first, run.end);
      await change().catch((error) => this.#tore(run, error));
      writtenRegions.mark(run.first, run.end);
      if (map.areHydrated(run.first, run.end)) return;
      map.markHydrated(run.first, run.end);
      this.#context.overwritten(run);
    } finally {
      release();
    }
  }

  /** A change that failed may have changed something all the same, of what is local. */
  #tore({ first, end }: Run, error: unknown): never {
    const { map, writtenRegions } = this.#context;
    for (let region = first; region < end; region += 1) {
      if (map.isHydrated(region)) writtenRegions.mark(region, region + 1);
    }
    throw error;
  }

  async #settle(options: WriteOptions): Promise<void> {
    if (options.fua) await this.#context.committer.flush();
  }
}
