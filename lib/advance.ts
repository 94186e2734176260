import type { BitmapLibrary } from "./bitmap.ts";
import type { CheckedDestination } from "./checked-device.ts";
import type { Committer } from "./committer.ts";
import type { ChangesOptions, LocalBytes, SourceChanges, SourceDevice } from "./device.ts";
import { Geometry } from "./geometry.ts";
import { hydratedBytes, hydratedRuns } from "./local-ranges.ts";
import { mapSlotSize } from "./map-format.ts";
import type { MapStore } from "./map-store.ts";
import type { RegionMap, Run } from "./region-map.ts";
import type { HydratedRegions, StoredCopy } from "./restore-map.ts";
import type { StoredState } from "./stored-map.ts";
import { WrittenRegions } from "./written-regions.ts";

/** A copy of one version of a blob. */
export interface Version {
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly identity: string;
  readonly stored: StoredState;
}

/**
 * What is right of a copy of one version as a copy of another: what a user wrote is of neither, so
 * there must be nothing of the sort.
 */
export function advancedCopy(
  library: BitmapLibrary,
  from: Version,
  source: SourceDevice,
  { ranges, reason }: SourceChanges,
): StoredCopy {
  const { identity, size: sourceSize } = source;
  const geometry = new Geometry(sourceSize, from.geometry.regionSize);
  const map = from.map.advanced(
    geometry.regionCount,
    keptEnd(from.geometry, geometry),
    ranges.map(({ offset, length }): Run => geometry.runOf(offset, length)),
  );
  const writtenRegions = new WrittenRegions(library, geometry.regionCount);
  const { generation, complete, fingerprint, former } = from.stored;
  const stored = {
    generation,
    ...{ written: false, unsettled: false, advancing: true, complete: false, fingerprint: "" },
    former: complete ? fingerprint : former,
  };
  const keptBytes = hydratedBytes({ geometry, map }, 0, geometry.size);
  const advanced = { from: from.identity, to: identity, keptBytes, reason };
  return { geometry, map, identity, sourceSize, writtenRegions, stored, advanced };
}

/** What is not as it was in the version of that identity. */
export async function changesSince(
  source: SourceDevice,
  identity: string,
  options: ChangesOptions,
): Promise<SourceChanges> {
  const changes = await source.changedSince?.(identity, options);
  if (changes !== undefined) return changes;
  const reason = "the source does not know what has changed";
  return { ranges: [{ offset: 0, length: source.size }], reason };
}

/** What of a destination can be compared with another version. */
export function localBytes(regions: HydratedRegions, destination: CheckedDestination): LocalBytes {
  return {
    ranges: function* () {
      // One that was becoming another version may still have the size of the former.
      const size = Math.min(regions.geometry.size, destination.device.size);
      for (const { offset, length, hydrated } of hydratedRuns(regions, 0, size)) {
        if (hydrated) yield { offset, length };
      }
    },
    readInto: (offset, target) => destination.readInto(offset, target),
  };
}

export interface AdvanceContext {
  readonly committer: Committer;
  readonly destination: CheckedDestination;
  readonly mapStore: MapStore | undefined;
  readonly geometry: Geometry;
}

/**
 * Makes the stored map and then the destination those of the new version; not before this has
 * resolved may a byte of it be written. A crash at any step finds a map that says so, and this
 * begins again.
 */
export async function settleAdvance(
  context: AdvanceContext,
  putInPlace: (() => Promise<void>) | undefined,
): Promise<void> {
  const { committer, destination, mapStore, geometry } = context;
  await mapStore?.reserve?.(mapSlotSize(geometry.regionCount));
  await committer.replaceAll();
  await putInPlace?.();
  if (destination.device.size !== geometry.size) await destination.resize(geometry.size);
  committer.advanced();
}

/** Before it, regions have the same bytes in both versions, as far as their places tell. */
function keptEnd(from: Geometry, to: Geometry): number {
  if (from.size === to.size) return to.regionCount;
  return to.regionAt(Math.min(from.size, to.size));
}
