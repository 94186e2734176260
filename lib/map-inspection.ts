import type { BitmapLibrary } from "./bitmap.ts";
import { isHeadwaterError } from "./errors.ts";
import { chooseMap, readSlots, type SlotContent, type SlotRemains } from "./map-format.ts";
import type { MapSlot } from "./map-store.ts";
import { type HydratedRegions, restoreMap } from "./restore-map.ts";
import type { StoredMap } from "./stored-map.ts";

/** What was found in one slot. */
export interface SlotInspection {
  readonly slot: MapSlot;
  /**
   * `torn`: not whole, as a save leaves it that a crash cut short. `wrong`: whole, and it says what
   * cannot be. `newer`: whole, and for a later release to read.
   */
  readonly state: SlotContent["state"];
  /** What is not as it should be, in words: also of a map on which nobody could fall back. */
  readonly problem: string | undefined;
  /** Of state `map`. */
  readonly map: StoredMap | undefined;
  /** Of state `map`. */
  readonly regions: HydratedRegions | undefined;
  /** What the header of a slot without a map says, where there is one. Nothing vouches for it. */
  readonly remains: SlotRemains | undefined;
}

/** What was found in the two slots of a map. */
export interface SlotsInspection {
  readonly slots: readonly [SlotInspection, SlotInspection];
  /** Whose map a clone would go on from. */
  readonly believed: MapSlot | undefined;
  /** Why there is none, in words. Also undefined where nothing was saved yet. */
  readonly unusable: string | undefined;
}

/** Looks into both slots, and at whether what is believed has a second map to fall back on. */
export async function inspectSlots(
  library: BitmapLibrary,
  slots: readonly [Uint8Array, Uint8Array],
): Promise<SlotsInspection> {
  const contents = await readSlots(slots);
  const { map, corrupt } = chooseMap(contents);
  const [even, odd] = [inspect(library, contents[0], 0), inspect(library, contents[1], 1)];
  if (map === undefined) {
    return { slots: [even, odd], believed: undefined, unusable: corrupt?.message };
  }
  const believed = map.generation % 2 === 0 ? even : odd;
  // A clone takes the later map and looks closer only then: it does not fall back.
  if (believed.map === undefined) {
    return { slots: [even, odd], believed: undefined, unusable: believed.problem };
  }
  const judge = (slot: SlotInspection): SlotInspection =>
    slot === believed
      ? slot
      : { ...slot, problem: slot.problem ?? fallbackProblem(slot, believed) };
  return { slots: [judge(even), judge(odd)], believed: believed.slot, unusable: undefined };
}

function inspect(library: BitmapLibrary, content: SlotContent, slot: MapSlot): SlotInspection {
  const none = { slot, map: undefined, regions: undefined, remains: undefined };
  if (content.state === "blank") return { ...none, state: "blank", problem: undefined };
  if (content.state !== "map") {
    return { ...none, state: content.state, problem: content.why, remains: content.remains };
  }
  const { map } = content;
  try {
    const regions = restoreMap(library, map);
    return { ...none, state: "map", problem: undefined, map, regions };
  } catch (error) {
    if (!isHeadwaterError(error, "MAP_CORRUPT")) throw error;
    return { ...none, state: "wrong", problem: error.message, remains: map };
  }
}

/**
 * Why the other slot is not the save before the one that is believed, so that nothing would be left
 * if that one were damaged.
 */
function fallbackProblem(older: SlotInspection, newer: SlotInspection): string | undefined {
  const map = newer.map;
  if (map === undefined) return undefined;
  if (older.map === undefined) {
    return map.generation === 1 ? undefined : "it is empty, and should hold the save before";
  }
  const before = older.map;
  if (before.generation !== map.generation - 1) {
    return `it is of generation ${before.generation}, and not of the save before`;
  }
  if (map.advancing && before.identity !== map.identity) return "it is of the version before";
  const same = (["identity", "size", "sourceSize", "regionSize"] as const).every(
    (name) => before[name] === map[name],
  );
  if (!same) return "it is of another copy";
  if (before.written && !map.written) return "it says that a user wrote, and the later one not";
  if (older.regions === undefined || newer.regions === undefined) return undefined;
  return older.regions.map.isWithin(newer.regions.map)
    ? undefined
    : "it says that regions are here that are not in the later one";
}
