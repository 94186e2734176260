import { assert } from "./assert.ts";
import type { Bitmap, BitmapLibrary } from "./bitmap.ts";
import { nextIn, type Run, runEnd, runsOf } from "./bitmap-runs.ts";
import { HeadwaterError } from "./errors.ts";

export type { Run } from "./bitmap-runs.ts";

/**
 * Which regions the destination holds. Kept as a roaring bitmap of those that are missing, so that
 * routing is one look-up and the next region to fetch is one more; stored as those hydrated, so
 * that lost bytes can only ever say too little.
 */
export class RegionMap {
  readonly #library: BitmapLibrary;
  readonly #missing: Bitmap;
  #regionCount: number;
  #missingCount: number;
  #version = 0;

  private constructor(library: BitmapLibrary, regionCount: number, missing: Bitmap) {
    this.#library = library;
    this.#regionCount = regionCount;
    this.#missing = missing;
    this.#missingCount = missing.size;
  }

  /** A map with nothing hydrated. */
  static create(library: BitmapLibrary, regionCount: number): RegionMap {
    return new RegionMap(library, regionCount, library.fromRange(0, regionCount));
  }

  /**
   * The map whose `snapshot` this was. The caller has checked the bytes' checksum.
   *
   * @throws {HeadwaterError} `MAP_CORRUPT` when they are no bitmap, or name a region that does not
   *   exist.
   */
  static restore(library: BitmapLibrary, regionCount: number, snapshot: Uint8Array): RegionMap {
    const hydrated = library.deserialize(snapshot);
    const outside = hydrated.size - hydrated.rangeCardinality(0, regionCount);
    if (outside > 0) {
      throw new HeadwaterError(
        "MAP_CORRUPT",
        `the map marks ${outside} regions past the ${regionCount} that there are`,
      );
    }
    return new RegionMap(library, regionCount, library.complement(hydrated, 0, regionCount));
  }

  /**
   * The map of another version of what this is the map of: without the regions from `keptEnd` on,
   * and without those in `changed`. Nothing else ever takes a mark away.
   */
  advanced(regionCount: number, keptEnd: number, changed: Iterable<Run>): RegionMap {
    const missing = this.#library.fromRange(0, regionCount);
    const kept = this.#library.complement(this.#missing, 0, keptEnd);
    for (const { first, end } of runsOf(kept, keptEnd)) missing.removeRange(first, end);
    for (const { first, end } of changed) missing.addRange(first, end);
    return new RegionMap(this.#library, regionCount, missing);
  }

  /** The map of the first so many regions. */
  cut(regionCount: number): RegionMap {
    const missing = this.#library.fromRange(0, 0);
    for (const { first, end } of runsOf(this.#missing, regionCount)) missing.addRange(first, end);
    return new RegionMap(this.#library, regionCount, missing);
  }

  /** Adds regions, of which there is nothing to fetch. */
  grow(regionCount: number): void {
    assert(regionCount >= this.#regionCount, `${this.#regionCount} regions grow to ${regionCount}`);
    this.#regionCount = regionCount;
    this.#version += 1;
  }

  get regionCount(): number {
    return this.#regionCount;
  }

  get hydratedCount(): number {
    return this.regionCount - this.#missingCount;
  }

  get isComplete(): boolean {
    return this.#missingCount === 0;
  }

  /** Rises with every change: two equal versions are the same map. */
  get version(): number {
    return this.#version;
  }

  isHydrated(region: number): boolean {
    assert(region >= 0 && region < this.regionCount, `region ${region} of ${this.regionCount}`);
    return !this.#missing.has(region);
  }

  /** Whether all of them are. */
  areHydrated(first: number, end: number): boolean {
    if (this.#missingCount === 0) return true;
    if (end - first === 1) return !this.#missing.has(first);
    return this.#missing.rangeCardinality(first, end) === 0;
  }

  /** How many of them are. */
  hydratedIn(first: number, end: number): number {
    return end - first - this.#missing.rangeCardinality(first, end);
  }

  /** Whether every region that is hydrated here is hydrated there too. */
  isWithin(other: RegionMap): boolean {
    return other.#missing.isSubset(this.#missing);
  }

  markHydrated(first: number, end: number): void {
    assert(first >= 0 && first < end, `regions ${first} to ${end}`);
    assert(end <= this.regionCount, `region ${end - 1} of ${this.regionCount}`);
    this.#missing.removeRange(first, end);
    this.#missingCount = this.#missing.size;
    this.#version += 1;
  }

  /** The first region from `from` on that is not hydrated. */
  nextMissing(from: number): number | undefined {
    return nextIn(this.#missing, from);
  }

  /** Every run of regions that are not hydrated, at the moment it is asked for. */
  missingRuns(): Generator<Run, void, undefined> {
    return runsOf(this.#missing, this.regionCount);
  }

  /** Every run of regions that are hydrated, at the moment it is asked for. */
  *hydratedRuns(): Generator<Run, void, undefined> {
    let first = 0;
    for (const missing of this.missingRuns()) {
      if (first < missing.first) yield { first, end: missing.first };
      first = missing.end;
    }
    if (first < this.regionCount) yield { first, end: this.regionCount };
  }

  /**
   * The regions hydrated now, as a portable roaring bitmap that nothing changes any more.
   *
   * @param end of those that count, where not all do.
   */
  snapshot(end: number = this.regionCount): Uint8Array {
    const hydrated = this.#library.complement(this.#missing, 0, this.regionCount);
    if (end < this.regionCount) hydrated.removeRange(end, this.regionCount);
    hydrated.runOptimize();
    return hydrated.serialize("portable");
  }

  /** The first region after `first`, which is missing, that is not. */
  missingEnd(first: number): number {
    return runEnd(this.#missing, first, this.regionCount);
  }
}
