import type { Engine } from "./engine.ts";
import { Geometry } from "./geometry.ts";
import { mapSlotSize } from "./map-format.ts";
import type { StoredCopy } from "./restore-map.ts";

/**
 * Prepares another size: the region in which the clone would end, or ended, becomes local, so that
 * nothing is ever fetched on either side of an end in the midst of a region.
 *
 * @throws {RangeError} when the size is not one that the clone can have.
 */
export async function prepareSize(engine: Engine, size: number): Promise<void> {
  const { geometry, committer, writer } = engine;
  new Geometry(size, geometry.regionSize); // throws where it cannot be
  await committer.noteWritten();
  const edge = Math.min(size, geometry.size);
  const region = geometry.regionAt(edge);
  if (geometry.offsetOf(region) < edge) await writer.bring(region);
}

/** Makes the clone larger. Nothing may be under way that reads or writes; fetches may. */
export async function grow(engine: Engine, size: number): Promise<void> {
  const { geometry, map, writtenRegions, committer, destination } = engine;
  const before = geometry.regionCount;
  const { regionCount } = new Geometry(size, geometry.regionSize);
  await committer.enlarge(mapSlotSize(regionCount));
  // It may be longer than the clone, and hold anything there: what was cut off before a crash, say.
  const { size: length } = destination.device;
  const beyond = Math.min(length, size) - geometry.size;
  if (beyond > 0) await destination.discard(geometry.size, beyond);
  if (length < size) await destination.resize(size);
  const first = geometry.regionAt(geometry.size);
  geometry.grow(size);
  map.grow(regionCount);
  writtenRegions.grow(regionCount);
  if (first < regionCount) writtenRegions.mark(Math.min(first, before), regionCount);
}

/** What is left of a copy whose end is nearer. */
export function cutCopy(engine: Engine, size: number): StoredCopy {
  const { identity, sourceSize } = engine.copy;
  const geometry = new Geometry(size, engine.geometry.regionSize);
  const { regionCount } = geometry;
  const map = engine.map.cut(regionCount);
  const writtenRegions = engine.writtenRegions.cut(regionCount);
  const stored = engine.committer.state;
  return { identity, sourceSize, geometry, map, writtenRegions, stored };
}
