import { type ByteRange, encodeMap, type MapSlot, type StoredMap } from "../../lib/index.ts";
import { FileDevice } from "./file-device.ts";
import { FileMapStore } from "./file-map-store.ts";
import { type FoundSlots, lookCloser } from "./found.ts";
import { assess, type MapInspection } from "./inspect-map.ts";
import { FileLock } from "./lock.ts";
import { type CopyNames, flushFolder, namesOf, remove } from "./names.ts";
import { planRepair } from "./repair-plan.ts";

export interface RepairOptions {
  /** Give up what a user wrote where it may be affected; otherwise nothing is changed then. */
  discardLocal?: boolean;
}

/** What was found, and what was done about it. */
export interface MapRepair {
  readonly found: MapInspection;
  /** Sentences, in order; none when nothing had to be done. */
  readonly changes: readonly string[];
  /** From where on nothing counts as here any more, and will be fetched. */
  readonly unhydrated: ByteRange | undefined;
  /** How much of that had been counted as here. */
  readonly unhydratedBytes: number;
}

/**
 * Makes the map of the copy at `path` sound. It takes the lock, leaves a sound map as it is, and
 * can be interrupted at any moment and called again: no step leaves a map that says more than is
 * there.
 *
 * @throws {HeadwaterError} `LOCKED` when a process has the copy open; `MAP_CORRUPT` when what a
 *   user wrote may be affected; `DIVERGED` or `EXISTS` when there is nothing to repair, because
 *   the file under the final name is not of this copy.
 */
export async function repairMap(path: string, options: RepairOptions = {}): Promise<MapRepair> {
  const { discardLocal = false } = options;
  const names = await namesOf(path);
  const lock = await FileLock.acquire(names.lock);
  try {
    return await repair(await lookCloser(names), discardLocal);
  } finally {
    await lock.release();
  }
}

async function repair(foundSlots: FoundSlots, discardLocal: boolean): Promise<MapRepair> {
  const found = assess(foundSlots, undefined);
  const none = { found, changes: [], unhydrated: undefined, unhydratedBytes: 0 };
  const plan = planRepair(foundSlots, discardLocal);
  const { names } = found;
  switch (plan.kind) {
    case "refused":
      throw plan.error;
    case "nothing":
      return none;
    case "start over":
      return { ...none, changes: await removeCopy(names) };
    case "save": {
      const { map, unhydrated, unhydratedBytes } = plan;
      const from = unhydrated?.offset;
      const changes = [
        ...(from === undefined
          ? []
          : [`${unhydratedBytes} bytes from ${from} on are not counted as here any more`]),
        await saveTwice(names, map),
        ...(await restoreSize(foundSlots, map)),
      ];
      return { found, changes, unhydrated, unhydratedBytes };
    }
  }
}

/** In both slots, so that no older map that says more is left to fall back on. */
async function saveTwice(names: CopyNames, map: StoredMap): Promise<string> {
  await using store = await FileMapStore.open(names.map);
  const generations = [map.generation + 1, map.generation + 2];
  for (const generation of generations) {
    await store.save((generation % 2) as MapSlot, await encodeMap({ ...map, generation }));
  }
  return `both slots of ${names.map} were saved, as generations ${generations.join(" and ")}`;
}

/** Only after the map says that what is added is not here. */
async function restoreSize(
  { found }: FoundSlots,
  { size, advancing }: StoredMap,
): Promise<string[]> {
  const { names, partial } = found;
  if (advancing || partial === undefined || partial.size >= BigInt(size)) return [];
  await using device = await FileDevice.open(names.partial, { writable: true });
  await device.resize(size);
  await device.flush();
  return [`${names.partial} has its ${size} bytes again`];
}

/** The data goes first, durably: without its map it would be refused as somebody's. */
async function removeCopy(names: CopyNames): Promise<string[]> {
  const changes: string[] = [];
  for (const path of [names.partial, names.map]) {
    if (!(await remove(path))) continue;
    await flushFolder(names.folder);
    changes.push(`${path} was removed: the copy will be begun anew`);
  }
  return changes;
}
