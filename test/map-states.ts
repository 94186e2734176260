import { readFile, rm, truncate } from "node:fs/promises";
import type { MapVerdict } from "../adapters/file/index.ts";
import type { Run } from "../lib/index.ts";
import {
  type CopyPlan,
  changeMap,
  forge,
  makeCopy,
  newestSlot,
  REGION_SIZE,
  SIZE,
  SLOT_SIZE,
} from "./map-files.ts";

/** Regions 0 to 3, then 6 to 9: the last save has both. */
export const RUNS: readonly Run[] = [
  { first: 0, end: 4 },
  { first: 6, end: 10 },
];
export const BOTH: readonly number[] = [0, 1, 2, 3, 6, 7, 8, 9];
export const EARLIER: readonly number[] = [0, 1, 2, 3];

/** What may be found, and what is to be said and done about it. */
export interface MapState {
  readonly name: string;
  readonly plan?: CopyPlan;
  readonly damage: (path: string) => Promise<unknown>;
  readonly verdict: MapVerdict;
  /** A word that a finding has. */
  readonly says?: string;
  /** What the map has after a repair, or the code with which it is refused, or nothing is done. */
  readonly repaired: readonly number[] | string;
  /** The same where local writes are given up. `gone`: the copy is begun anew. */
  readonly discarded?: readonly number[] | "gone" | string;
  /** The copy cannot be opened afterwards either. */
  readonly isInTheWay?: boolean;
}

type Damage = (path: string) => Promise<void>;

/** Changes one bit of a slot. */
export function flip(which: "newest" | "older", at: number): Damage {
  return async (path) => {
    const place = (await slotOf(path, which)) * SLOT_SIZE + at;
    await changeMap(path, (bytes) => {
      bytes[place] = (bytes[place] ?? 0) ^ 0x10;
    });
  };
}

/** Makes a slot one of another version, with a right checksum. */
export function version(which: "newest" | "older", number: number): Damage {
  return async (path) =>
    forge(path, await slotOf(path, which), (map) => map.setUint32(8, number, true));
}

/** Puts the map, or its older slot, of a copy of another size in the place of its own. */
export function takeFromAnother(which?: "older"): Damage {
  return async (path) => {
    const other = `${path}-other`;
    await makeCopy(other, { runs: [{ first: 0, end: 1 }] });
    for (const index of [0, 1]) {
      await forge(other, index, (map) => map.setBigUint64(24, BigInt(SIZE - REGION_SIZE), true));
    }
    const foreign = await readFile(`${other}.headwater`);
    const older = await slotOf(path, "older");
    await changeMap(path, (bytes) => {
      if (which === undefined) foreign.copy(bytes);
      else foreign.copy(bytes, older * SLOT_SIZE, older * SLOT_SIZE, (older + 1) * SLOT_SIZE);
    });
    for (const name of [".headwater", ".partial"]) await rm(other + name);
  };
}

export function cutPartial(size: number): Damage {
  return (path) => truncate(`${path}.partial`, size);
}

async function slotOf(path: string, which: "newest" | "older"): Promise<number> {
  const newest = await newestSlot(path);
  return which === "newest" ? newest : 1 - newest;
}
