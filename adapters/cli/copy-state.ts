import {
  type ByteRange,
  HeadwaterError,
  type HydratedRegions,
  hydratedBytes,
  missingRanges,
  type StoredMap,
} from "../../lib/index.ts";
import { readMap } from "../file/index.ts";

/** What the map beside a copy says, as it was last saved. */
export class CopyState {
  readonly map: StoredMap;
  readonly #regions: HydratedRegions;

  private constructor(map: StoredMap, regions: HydratedRegions) {
    this.map = map;
    this.#regions = regions;
  }

  /**
   * Reads the map beside `file` without a lock, so also while another process saves it. Undefined
   * when there is none.
   *
   * @throws {HeadwaterError} `MAP_CORRUPT` when neither slot can be believed.
   */
  static async read(file: string): Promise<CopyState | undefined> {
    const { slots, believed, unusable } = (await readMap(file)) ?? {};
    if (unusable !== undefined) throw new HeadwaterError("MAP_CORRUPT", unusable);
    if (slots === undefined || believed === undefined) return undefined; // nothing is saved yet
    const { map, regions } = slots[believed];
    return map && regions && new CopyState(map, regions);
  }

  get regionCount(): number {
    return this.#regions.map.regionCount;
  }

  get hydratedCount(): number {
    return this.#regions.map.hydratedCount;
  }

  /** How many bytes of a range that lies inside are here. */
  hydratedBytesIn(offset: number, length: number): number {
    return hydratedBytes(this.#regions, offset, length);
  }

  /** What is not here, in order. */
  missing(): Generator<ByteRange, void, undefined> {
    return missingRanges(this.#regions);
  }
}
