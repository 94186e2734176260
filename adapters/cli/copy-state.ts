import { existsSync } from "node:fs";
import {
  type ByteRange,
  Geometry,
  loadBitmaps,
  newestMap,
  RegionMap,
  type StoredMap,
} from "../../lib/index.ts";
import { FileMapStore } from "../file/index.ts";

/** What the map beside a copy says, as it was last saved. */
export class CopyState {
  readonly map: StoredMap;
  readonly #geometry: Geometry;
  readonly #regions: RegionMap;

  private constructor(map: StoredMap, geometry: Geometry, regions: RegionMap) {
    this.map = map;
    this.#geometry = geometry;
    this.#regions = regions;
  }

  /**
   * Reads the map beside `file` without a lock, so also while another process saves it: a save in
   * between can tear one slot at most, and the other one is believed. Undefined when there is none.
   *
   * @throws {HeadwaterError} `MAP_CORRUPT` when neither slot can be believed.
   */
  static async read(file: string): Promise<CopyState | undefined> {
    const path = `${file}.headwater`;
    if (!existsSync(path)) return undefined;
    const store = await FileMapStore.open(path);
    try {
      const { map, corrupt } = await newestMap(await store.load());
      if (map === undefined && corrupt !== undefined) throw corrupt;
      if (map === undefined) return undefined; // made, and nothing saved in it yet
      const geometry = new Geometry(map.size, map.regionSize);
      const library = await loadBitmaps();
      const regions = RegionMap.restore(library, geometry.regionCount, map.hydrated);
      return new CopyState(map, geometry, regions);
    } finally {
      await store.close();
    }
  }

  get regionCount(): number {
    return this.#regions.regionCount;
  }

  get hydratedCount(): number {
    return this.#regions.hydratedCount;
  }

  /** How many bytes of a range that lies inside are here. */
  hydratedBytesIn(offset: number, length: number): number {
    if (length === 0) return 0;
    const geometry = this.#geometry;
    const first = geometry.regionAt(offset);
    const end = geometry.regionEnd(offset + length);
    let bytes = this.#regions.hydratedIn(first, end) * geometry.regionSize;
    // The regions at the ends belong to the range in part.
    if (this.#regions.isHydrated(first)) bytes -= offset - geometry.offsetOf(first);
    if (this.#regions.isHydrated(end - 1)) bytes -= end * geometry.regionSize - offset - length;
    return bytes;
  }

  /** What is not here, in order. */
  *missing(): Generator<ByteRange, void, undefined> {
    for (const { first, end } of this.#regions.missingRuns()) {
      const offset = this.#geometry.offsetOf(first);
      yield { offset, length: this.#geometry.lengthOf(first, end) };
    }
  }
}
