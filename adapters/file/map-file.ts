import { existsSync } from "node:fs";
import {
  HeadwaterError,
  inspectSlots,
  loadBitmaps,
  MAX_REGION_COUNT,
  type MapSlot,
  mapSlotSize,
  type SlotsInspection,
} from "../../lib/index.ts";
import { FileMapStore } from "./file-map-store.ts";

/** The largest slot that there can be. A larger one is something else. */
const MAX_SLOT_SIZE: number = mapSlotSize(MAX_REGION_COUNT);

/**
 * Looks into a map file, for which permission to read is enough. Undefined where there is none.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when it is not a file of two slots.
 */
export async function readMapFile(path: string): Promise<SlotsInspection | undefined> {
  if (!existsSync(path)) return undefined;
  await using store = await FileMapStore.open(path, { readOnly: true });
  const { slotSize } = store;
  if (slotSize > MAX_SLOT_SIZE) {
    throw new HeadwaterError("MAP_CORRUPT", `the region map ${path} has ${2 * slotSize} bytes`);
  }
  const inspection = await inspectSlots(await loadBitmaps(), await store.load());
  const { slots, believed } = inspection;
  const misfit = believed === undefined ? undefined : misfitOf(slots[believed], slotSize);
  return misfit === undefined
    ? inspection
    : { slots, believed: undefined, unusable: `the region map cannot be read: ${misfit}` };
}

/** A file that was cut has its second slot elsewhere. That of a copy that has shrunk has room. */
function misfitOf(
  { slot, regions }: SlotsInspection["slots"][MapSlot],
  slotSize: number,
): string | undefined {
  const regionCount = regions?.geometry.regionCount ?? 0;
  const expected = mapSlotSize(regionCount);
  if (slotSize >= expected) return undefined;
  return (
    `its slots have ${slotSize} bytes, and slot ${slot} is of ${regionCount} regions, ` +
    `whose slots have ${expected}`
  );
}
