import {
  type ByteRange,
  HeadwaterError,
  hydratedBytes,
  isHeadwaterError,
  type SlotInspection,
  type SlotRemains,
  type StoredMap,
} from "../../lib/index.ts";
import { decide, type Found, type FoundSlots, hasData } from "./found.ts";
import { decisionOf, slotsOf } from "./inspect-map.ts";

/** What repairing a map comes to. */
export type RepairPlan =
  /** It is sound, or nothing depends on it. */
  | { readonly kind: "nothing" }
  /** This map is saved in both slots; then the partial file gets its size again. */
  | {
      readonly kind: "save";
      readonly map: StoredMap;
      /** From where on nothing counts as here any more. */
      readonly unhydrated: ByteRange | undefined;
      /** How much of that was hydrated. */
      readonly unhydratedBytes: number;
    }
  /** The partial file and the map are removed. */
  | { readonly kind: "start over" }
  /** What a user wrote may depend on what cannot be read, or there is nothing to mend. */
  | { readonly kind: "refused"; readonly error: HeadwaterError };

/**
 * What cannot be trusted becomes unhydrated, and is fetched again. What a user wrote cannot be, so
 * where it may be affected nothing is changed, unless `discardLocal` gives it up.
 */
export function planRepair(foundSlots: FoundSlots, discardLocal: boolean): RepairPlan {
  const { found } = foundSlots;
  const slots = slotsOf(foundSlots.slots);
  const { map, partial } = found;
  if (slots === undefined || map === undefined) return giveUp(found, discardLocal);
  const isCut =
    !map.complete &&
    !map.advancing &&
    partial !== undefined &&
    partial.size < BigInt(map.size) &&
    hasData(partial);
  if (!isCut && !fits(found)) return giveUp(found, discardLocal);
  if (map.complete && found.file !== undefined && found.file.size !== BigInt(map.size)) {
    const sizes = `${found.file.size} bytes, and its map says ${map.size}`;
    return { kind: "refused", error: corrupt(`${found.names.file} has ${sizes}`) };
  }
  const { believed, other } = slots;
  if (!isCut && other.problem === undefined) return { kind: "nothing" };
  const doubt = discardLocal
    ? undefined
    : (doubtIn(found, believed, other) ?? lossIn(slots, found));
  if (doubt !== undefined) return { kind: "refused", error: corrupt(doubt) };
  return save(slots, found);
}

/** Whether the copy is opened with this map as it is. */
function fits(found: Found): boolean {
  // Whose version is changing has its size and its name when that is done.
  if (found.map?.advancing) return true;
  try {
    return decisionOf(found) !== "new";
  } catch (error) {
    if (isHeadwaterError(error)) return false;
    throw error;
  }
}

/** Where no map can be believed, or not beside these files. */
function giveUp(found: Found, discardLocal: boolean): RepairPlan {
  try {
    decide(found, { overwrite: false, discardLocal });
  } catch (error) {
    if (isHeadwaterError(error)) return { kind: "refused", error };
    throw error;
  }
  return { kind: discardLocal && hasData(found.partial) ? "start over" : "nothing" };
}

type Slots = NonNullable<ReturnType<typeof slotsOf>>;

/** Where the regions begin that a partial file that was cut does not have whole. */
function cutOf({ believed }: Slots, { partial, map }: Found): number {
  const geometry = believed.regions?.geometry;
  const size = map?.size ?? 0;
  const there = Number(partial?.size ?? 0n);
  if (geometry === undefined || map?.complete || map?.advancing || there >= size) return size;
  return geometry.offsetOf(geometry.regionAt(there));
}

/** How many hydrated bytes lie from `offset` on. */
function hydratedFrom(offset: number, { regions }: SlotInspection): number {
  if (regions === undefined) return 0;
  return hydratedBytes(regions, offset, regions.geometry.size - offset);
}

/**
 * How many bytes from `offset` on a user may have written. After a writing process was killed, the
 * record of written regions may lack any that is hydrated.
 */
function writtenFrom(offset: number, slot: SlotInspection): number {
  const { map, regions } = slot;
  if (map === undefined || regions === undefined || !map.written) return 0;
  if (map.unsettled) return hydratedFrom(offset, slot);
  const { geometry, writtenRegions } = regions;
  let bytes = 0;
  for (const { first, end } of writtenRegions.runs()) {
    bytes += Math.max(0, geometry.offsetOf(end) - Math.max(offset, geometry.offsetOf(first)));
  }
  return bytes;
}

/**
 * Why the slot that is of no use may have been the newer one and have known of user data, in words.
 * A crash leaves each sector old or new: the header of a slot that it tore can still be read.
 */
function doubtIn(
  { names }: Found,
  believed: SlotInspection,
  other: SlotInspection,
): string | undefined {
  const map = believed.map;
  if (other.problem === undefined || map === undefined) return undefined;
  // The save before a change of version: nobody writes until both slots are of the new one.
  const isFormer = map.advancing && other.map?.generation === map.generation - 1;
  if (isFormer && !other.map.written) return undefined;
  const header = other.map ?? other.remains;
  const step = isOfSame(map, header) ? header.generation - map.generation : undefined;
  // In the same copy nobody forgets that a user wrote.
  const isKnown = map.written || !header?.written;
  if ((step === -1 && isKnown) || (step === 1 && isKnown && !map.written)) return undefined;
  return (
    `slot ${other.slot} of ${names.map} is of no use (${other.problem}), and may have known of ` +
    `local writes that slot ${believed.slot} does not; if a crash left it so, nothing is lost, ` +
    `and opening the copy goes on from slot ${believed.slot}; if not, keep a copy of ` +
    `${names.partial}, or set discardLocal to repair the map from slot ${believed.slot} alone`
  );
}

function lossIn(slots: Slots, found: Found): string | undefined {
  const { names, partial, map } = found;
  const lost = writtenFrom(cutOf(slots, found), slots.believed);
  if (lost === 0) return undefined;
  return (
    `${names.partial} has ${partial?.size} bytes of ${map?.size}, and ${lost} bytes that may be ` +
    "local writes were lost; put the whole file back to keep them, or set discardLocal to fetch " +
    "those bytes from the source"
  );
}

/** Whether the header of the other slot is that of the same copy. */
function isOfSame<Header extends SlotRemains>(
  map: StoredMap,
  header: Header | undefined,
): header is Header {
  return (["size", "sourceSize", "regionSize"] as const).every(
    (name) => header?.[name] === map[name],
  );
}

function save(slots: Slots, found: Found): RepairPlan {
  const { map, regions } = slots.believed;
  if (map === undefined || regions === undefined) return { kind: "nothing" };
  const { geometry } = regions;
  const offset = cutOf(slots, found);
  const unhydratedBytes = hydratedFrom(offset, slots.believed);
  const end = geometry.regionEnd(offset);
  const hydrated = regions.map.snapshot(end);
  const writtenRegions = regions.writtenRegions.snapshot(end);
  return {
    kind: "save",
    map: { ...map, hydrated, writtenRegions },
    unhydrated: unhydratedBytes === 0 ? undefined : { offset, length: map.size - offset },
    unhydratedBytes,
  };
}

function corrupt(message: string): HeadwaterError {
  return new HeadwaterError("MAP_CORRUPT", message);
}
