import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalCopy } from "../adapters/file/index.ts";
import { isHeadwaterError } from "../lib/errors.ts";
import { encodeMap, mapSlotSize } from "../lib/map-format.ts";
import type { StoredMap } from "../lib/stored-map.ts";

export const SIZE = 100_000;
export const CONTENT: Uint8Array = Uint8Array.from({ length: SIZE }, (_, at) => (at * 7) % 251);
export const SLOT_SIZE: number = mapSlotSize(2);

/** No region, as a portable roaring bitmap. */
const BITMAP_OF_NONE = Uint8Array.of(0x3a, 0x30, 0, 0, 0, 0, 0, 0);
/** Regions 0 and 1: one run. */
export const BITMAP_OF_ALL: Uint8Array = Uint8Array.of(
  ...[0x3b, 0x30, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0],
);

export const UNFINISHED: StoredMap = {
  generation: 4,
  size: SIZE,
  sourceSize: SIZE,
  regionSize: 65536,
  identity: "source one",
  written: false,
  unsettled: false,
  advancing: false,
  complete: false,
  fingerprint: "",
  former: "",
  hydrated: BITMAP_OF_NONE,
  writtenRegions: new Uint8Array(),
};

/** Runs with the path of a copy in an empty folder, which is gone afterwards. */
export async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-copy-"));
  try {
    await run(join(folder, "file"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A map file with this map in its slot. */
export async function writeMap(path: string, map: StoredMap): Promise<void> {
  const slots = new Uint8Array(2 * SLOT_SIZE);
  slots.set(await encodeMap(map), (map.generation % 2) * SLOT_SIZE);
  await writeFile(`${path}.headwater`, slots);
}

/** What lies in the folder of the copy, by the ends of the names. */
export async function contentsOf(path: string): Promise<Record<string, string>> {
  const folder = join(path, "..");
  const names = (await readdir(folder)).sort();
  const entries = names.map(async (name) => {
    const text = await readFile(join(folder, name), "latin1");
    return [name.slice("file".length), text] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What the clone does at the end. */
export async function finish(copy: LocalCopy, stored: StoredMap = UNFINISHED): Promise<void> {
  const { destination, mapStore } = copy;
  await destination.flush();
  const fingerprint = (await destination.fingerprint?.()) ?? "";
  const hydrated = stored.size === 0 ? BITMAP_OF_NONE : BITMAP_OF_ALL;
  const whole = { ...stored, generation: 5, complete: true, fingerprint, hydrated };
  await mapStore.save(1, await encodeMap(whole));
  await destination.finish?.();
}

/** The code of what it rejects with, or undefined. Anything but a `HeadwaterError` is thrown. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (isHeadwaterError(error)) return error.code;
    throw error;
  }
}

/** A copy of `CONTENT` that is one `finish` away from whole, still open. */
export async function almostWhole(path: string, overwrite = false): Promise<LocalCopy> {
  const copy = await LocalCopy.open(path, { overwrite });
  await copy.create({ size: SIZE });
  await copy.mapStore.save(0, await encodeMap(UNFINISHED));
  await copy.destination.write(0, [CONTENT]);
  return copy;
}

export async function finished(path: string, written = false): Promise<void> {
  const copy = await almostWhole(path);
  await finish(copy, { ...UNFINISHED, written });
  await copy.close();
}
