import type { CheckedDestination } from "./checked-device.ts";
import type { WriteOptions } from "./clone-options.ts";
import type { Committer } from "./committer.ts";
import type { Demand } from "./demand.ts";
import type { Fetcher } from "./fetcher.ts";
import { Gathering } from "./gathering.ts";
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
 * taken away, and late bytes are dropped. One that is covered in part is hydrated first, unless
 * other writes that wait for it cover the rest.
 */
export class Writer {
  readonly #context: WriterContext;
  /** Of the regions that a write waits for. */
  readonly #gatherings = new Map<number, Gathering>();

  constructor(context: WriterContext) {
    this.#context = context;
  }

  /** Both ends lie inside the clone. */
  async write(offset: number, bytes: Uint8Array, options: WriteOptions): Promise<void> {
    const { destination } = this.#context;
    const change = (): Promise<void> => destination.write(offset, [bytes]);
    await this.#over(offset, bytes.length, options, change, bytes);
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

  /** Makes a region local, so that a part of it can be changed. */
  async bring(region: number, signal?: AbortSignal): Promise<void> {
    await this.#context.demand?.bring({ first: region, end: region + 1 }, signal);
  }

  /** Changes a range, after the regions that it covers in part are local. */
  async #over(
    offset: number,
    length: number,
    options: WriteOptions,
    change: () => Promise<void>,
    bytes?: Uint8Array,
  ): Promise<void> {
    if (length > 0) {
      const { geometry, map } = this.#context;
      const end = offset + length;
      const run = geometry.runOf(offset, length);
      const edges = new Set<number>();
      if (geometry.offsetOf(run.first) < offset) edges.add(run.first);
      if (end < geometry.offsetOf(run.end)) edges.add(run.end - 1);
      // Nobody holds a lock here that the fetch could need.
      for (const edge of edges) {
        if (map.isHydrated(edge)) continue;
        if (bytes === undefined) await this.bring(edge, options.signal);
        else await this.#gather(edge, offset, bytes, options.signal);
      }
      await this.#locked(run, change);
    }
    await this.#settle(options);
  }

  /** Waits until the region is local: brought, or written by all who wait for it. */
  async #gather(
    region: number,
    offset: number,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { geometry } = this.#context;
    const start = geometry.offsetOf(region);
    const from = Math.max(start, offset);
    const to = Math.min(geometry.offsetOf(region + 1), offset + bytes.length);
    const part = { offset: from, bytes: bytes.subarray(from - offset, to - offset) };
    const length = geometry.lengthOf(region, region + 1);
    const gathering = this.#gatherings.get(region) ?? new Gathering(start, length);
    this.#gatherings.set(region, gathering);
    gathering.join(part);
    try {
      if (gathering.isWhole && (await this.#fill(region, gathering))) return;
      const brought = this.bring(region, signal);
      brought.catch(() => {}); // where it was filled meanwhile
      await Promise.race([brought, gathering.filled]);
    } finally {
      await gathering.leave(part);
      if (gathering.isEmpty) this.#gatherings.delete(region);
    }
  }

  /** Returns whether the region is local now. */
  async #fill(region: number, gathering: Gathering): Promise<boolean> {
    const { map, destination } = this.#context;
    return this.#held({ first: region, end: region + 1 }, async () => {
      // From then on who waits for it writes its own part, and may have been followed by others.
      if (map.isHydrated(region)) return true;
      if (!gathering.isWhole) return false; // somebody has left
      this.#context.fetcher?.drop(region, region + 1);
      await gathering.fill(({ offset, bytes }) => destination.write(offset, [bytes]));
      this.#mark({ first: region, end: region + 1 });
      gathering.tell();
      return true;
    });
  }

  async #fillZeros(offset: number, length: number): Promise<void> {
    const { destination } = this.#context;
    const end = offset + length;
    for (let at = offset; at < end; at += ZEROS.length) {
      await destination.write(at, [ZEROS.subarray(0, end - at)]);
    }
  }

  /** Changes regions, whether or not they were local. */
  async #locked(run: Run, change: () => Promise<void>): Promise<void> {
    await this.#held(run, async () => {
      this.#context.fetcher?.drop(run.first, run.end);
      await change().catch((error) => this.#tore(run, error));
      this.#mark(run);
    });
  }

  /** Runs `work` while nobody else changes these regions. */
  async #held<Result>(run: Run, work: () => Promise<Result>): Promise<Result> {
    const { locks, committer } = this.#context;
    await committer.noteWritten();
    const release = await locks.acquire(run.first, run.end);
    try {
      return await work();
    } finally {
      release();
    }
  }

  #mark(run: Run): void {
    const { map, writtenRegions } = this.#context;
    writtenRegions.mark(run.first, run.end);
    if (map.areHydrated(run.first, run.end)) return;
    map.markHydrated(run.first, run.end);
    this.#context.overwritten(run);
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
