import type { Bitmap, BitmapLibrary } from "./bitmap.ts";
import { type Run, runsOf } from "./bitmap-runs.ts";

/** Which regions a user wrote or discarded since the copy began, so that they can be told. */
export class WrittenRegions {
  readonly #library: BitmapLibrary;
  #regionCount: number;
  readonly #regions: Bitmap;
  #version = 0;

  /** @param snapshot of an earlier record; without bytes it begins with none. */
  constructor(library: BitmapLibrary, regionCount: number, snapshot?: Uint8Array) {
    this.#library = library;
    this.#regionCount = regionCount;
    const hasRecord = snapshot !== undefined && snapshot.length > 0;
    this.#regions = hasRecord ? library.deserialize(snapshot) : library.fromRange(0, 0);
  }

  get count(): number {
    return this.#regions.size;
  }

  /** Rises with every change: two equal versions are the same record. */
  get version(): number {
    return this.#version;
  }

  mark(first: number, end: number): void {
    const { size } = this.#regions;
    this.#regions.addRange(first, end);
    if (this.#regions.size > size) this.#version += 1;
  }

  /** The record of the first so many regions. */
  cut(regionCount: number): WrittenRegions {
    const cut = new WrittenRegions(this.#library, regionCount);
    for (const run of this.runs()) {
      if (run.first < regionCount) cut.mark(run.first, Math.min(run.end, regionCount));
    }
    return cut;
  }

  grow(regionCount: number): void {
    this.#regionCount = regionCount;
  }

  /** Side by side joined, in order. */
  runs(): Generator<Run, void, undefined> {
    return runsOf(this.#regions, this.#regionCount);
  }

  /**
   * As a portable roaring bitmap that nothing changes any more; no bytes for no region.
   *
   * @param end of those that count, where not all do.
   */
  snapshot(end: number = this.#regionCount): Uint8Array {
    if (end < this.#regionCount) return this.cut(end).snapshot();
    if (this.#regions.size === 0) return new Uint8Array();
    this.#regions.runOptimize();
    return this.#regions.serialize("portable");
  }
}
