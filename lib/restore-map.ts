import type { BitmapLibrary } from "./bitmap.ts";
import { HeadwaterError } from "./errors.ts";
import { Geometry } from "./geometry.ts";
import { RegionMap } from "./region-map.ts";
import type { Advanced } from "./status.ts";
import type { StoredMap, StoredState } from "./stored-map.ts";
import { WrittenRegions } from "./written-regions.ts";

/** Which regions are local, and where they lie. */
export interface HydratedRegions {
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly writtenRegions: WrittenRegions;
}

/** What a clone starts from: an earlier copy of the same source, or nothing. */
export interface StoredCopy extends HydratedRegions {
  readonly identity: string;
  readonly sourceSize: number;
  /** Undefined where nothing was ever stored. */
  readonly stored: StoredState | undefined;
  /** Where it was of another version when it was found. */
  readonly advanced?: Advanced;
}

/**
 * What a stored map says of each region.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when its parts contradict each other. A checksum vouches
 *   for the bytes, and not for who wrote them.
 */
export function restoreMap(library: BitmapLibrary, stored: StoredMap): HydratedRegions {
  const geometry = geometryOf(stored);
  const map = RegionMap.restore(library, geometry.regionCount, stored.hydrated);
  const { complete, fingerprint } = stored;
  if (complete && !map.isComplete) {
    const missing = map.regionCount - map.hydratedCount;
    throw corrupt(
      `the map says that the copy is finished, and that ${missing} regions are missing`,
    );
  }
  if (complete !== (fingerprint !== "")) {
    const has = complete ? "no fingerprint" : "a fingerprint";
    throw corrupt(`the map of ${complete ? "a finished" : "an unfinished"} copy has ${has}`);
  }
  const { regionCount } = geometry;
  const writtenRegions = new WrittenRegions(library, regionCount, stored.writtenRegions);
  let localCount = 0;
  for (const { first, end } of writtenRegions.runs()) localCount += map.hydratedIn(first, end);
  if (localCount < writtenRegions.count) {
    throw corrupt(
      `the map says that ${writtenRegions.count} regions were written, and ${localCount} of them ` +
        "are local",
    );
  }
  return { geometry, map, writtenRegions };
}

function geometryOf({ size, regionSize }: StoredMap): Geometry {
  try {
    return new Geometry(size, regionSize);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw corrupt(`the map has a geometry that cannot be: ${cause.message}`);
  }
}

function corrupt(message: string): HeadwaterError {
  return new HeadwaterError("MAP_CORRUPT", message);
}
