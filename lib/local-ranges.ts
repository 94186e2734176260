import type { ByteRange } from "./device.ts";
import type { HydratedRegions } from "./restore-map.ts";
import type { HydratedRun } from "./status.ts";

/** How many bytes of a range that lies inside are local. */
export function hydratedBytes(
  { geometry, map }: Pick<HydratedRegions, "geometry" | "map">,
  offset: number,
  length: number,
): number {
  if (length === 0) return 0;
  const end = offset + length;
  const { first, end: last } = geometry.runOf(offset, length);
  let bytes = map.hydratedIn(first, last) * geometry.regionSize;
  // The regions at the ends belong to the range in part.
  if (map.isHydrated(first)) bytes -= offset - geometry.offsetOf(first);
  if (map.isHydrated(last - 1)) bytes -= last * geometry.regionSize - end;
  return bytes;
}

/** A range that lies inside, in parts that are local and parts that are not, in order. */
export function* hydratedRuns(
  { geometry, map }: HydratedRegions,
  offset: number,
  length: number,
): Generator<HydratedRun, void, undefined> {
  const end = offset + length;
  let at = offset;
  while (at < end) {
    const region = geometry.regionAt(at);
    const hydrated = map.isHydrated(region);
    const next = hydrated ? (map.nextMissing(region) ?? map.regionCount) : map.missingEnd(region);
    const runEnd = Math.min(end, geometry.offsetOf(next));
    yield { offset: at, length: runEnd - at, hydrated };
    at = runEnd;
  }
}

/** What is not local, in order. */
export function* missing({
  geometry,
  map,
}: HydratedRegions): Generator<ByteRange, void, undefined> {
  for (const { first, end } of map.missingRuns()) {
    yield { offset: geometry.offsetOf(first), length: geometry.lengthOf(first, end) };
  }
}

/** What a user wrote or discarded, as whole regions side by side joined, in order. */
export function* writtenRanges({
  geometry,
  writtenRegions,
}: HydratedRegions): Generator<ByteRange, void, undefined> {
  for (const { first, end } of writtenRegions.runs()) {
    yield { offset: geometry.offsetOf(first), length: geometry.lengthOf(first, end) };
  }
}
