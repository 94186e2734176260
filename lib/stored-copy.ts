import { advancedCopy, changesSince, localBytes } from "./advance.ts";
import type { BitmapLibrary } from "./bitmap.ts";
import { CheckedDestination } from "./checked-device.ts";
import type { DestinationDevice, SourceDevice } from "./device.ts";
import { HeadwaterError, messageOf } from "./errors.ts";
import { DEFAULT_REGION_SIZE, Geometry } from "./geometry.ts";
import { newestMap } from "./map-format.ts";
import type { MapStore } from "./map-store.ts";
import { RegionMap } from "./region-map.ts";
import { restoreMap, type StoredCopy } from "./restore-map.ts";
import type { StoredMap } from "./stored-map.ts";
import { WrittenRegions } from "./written-regions.ts";

/**
 * What the store holds; undefined where nothing was saved yet.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when no slot can be believed, `DESTINATION_FAILED` when
 *   they cannot be read.
 */
export async function believedMap(mapStore: MapStore): Promise<StoredMap | undefined> {
  const { map, corrupt } = await newestMap(await slotsOf(mapStore));
  if (map === undefined && corrupt !== undefined) throw corrupt;
  return map;
}

/** As `CloneOptions` has them. */
export interface CopyDevices {
  readonly mapStore?: MapStore;
  readonly source?: SourceDevice;
  readonly destination: DestinationDevice;
  readonly regionSize?: number;
}

/**
 * Opens the stored map if there is one, and believes it only for the source and the geometry that
 * it was made for; for another version of the source, as far as that can say what has changed.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when no slot can be believed; `SOURCE_CHANGED` when the
 *   map belongs to another source.
 */
export async function openStoredCopy(
  library: BitmapLibrary,
  { mapStore, source, destination, regionSize = DEFAULT_REGION_SIZE }: CopyDevices,
): Promise<StoredCopy> {
  const stored = mapStore === undefined ? undefined : await believedMap(mapStore);
  if (stored === undefined) {
    if (source === undefined) throw new TypeError("a new clone needs a source");
    const geometry = new Geometry(source.size, Math.max(regionSize, source.blockSize ?? 0));
    const map = RegionMap.create(library, geometry.regionCount);
    const { identity, size: sourceSize } = source;
    const writtenRegions = new WrittenRegions(library, geometry.regionCount);
    return { geometry, map, identity, sourceSize, writtenRegions, stored };
  }
  const { identity, sourceSize } = stored;
  const { geometry, map, writtenRegions } = restoreMap(library, stored);
  if (source !== undefined && (source.identity !== identity || source.size !== sourceSize)) {
    const canAdvance = source.changedSince !== undefined && source.identity !== identity;
    if (canAdvance && !stored.written) {
      const checked = new CheckedDestination(destination);
      const local = localBytes({ geometry, map, writtenRegions }, checked);
      const changes = await changesSince(source, identity, { local });
      return advancedCopy(library, { geometry, map, identity, stored }, source, changes);
    }
    throw new HeadwaterError(
      "SOURCE_CHANGED",
      `the copy was begun from ${identity}, and the source is ${source.identity} now`,
    );
  }
  if (source === undefined && !map.isComplete) {
    throw new TypeError("a copy that is not complete needs its source");
  }
  return { geometry, map, identity, sourceSize, writtenRegions, stored };
}

/** @throws {RangeError} when the destination is too small for the copy. */
export function checkRoom(destination: DestinationDevice, { geometry, stored }: StoredCopy): void {
  if (destination.size >= geometry.size || stored?.advancing) return;
  throw new RangeError(
    `the destination has ${destination.size} bytes; the clone needs ${geometry.size}`,
  );
}

async function slotsOf(mapStore: MapStore): Promise<readonly [Uint8Array, Uint8Array]> {
  try {
    return await mapStore.load();
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    const message = `the region map could not be loaded: ${messageOf(error)}`;
    throw new HeadwaterError("DESTINATION_FAILED", message, { cause: error });
  }
}
