import { readFile, rm, writeFile } from "node:fs/promises";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { assertBytes, patternBytes } from "../adapters/testing/index.ts";
import { loadBitmaps, mapSlotSize, newestMap, RegionMap, type Run } from "../lib/index.ts";

export const REGION_SIZE = 4096;
export const REGION_COUNT = 10;
/** The last region is short. */
export const SIZE: number = (REGION_COUNT - 1) * REGION_SIZE + 1000;
export const CONTENT: Uint8Array = patternBytes(SIZE, 5);
export const SLOT_SIZE: number = mapSlotSize(REGION_COUNT);
/** What a user writes over the first bytes of a region. */
export const WRITTEN: Uint8Array = new Uint8Array(100).fill(0xee);

export function openSource(): MemoryDevice {
  return new MemoryDevice(CONTENT, { identity: "a source of the map tests" });
}

export interface CopyPlan {
  /** Hydrated in this order, with a save after each. */
  readonly runs?: readonly Run[];
  /** A user writes to these regions after that, and flushes after each. */
  readonly written?: readonly number[];
  /** Everything is fetched, and the file has its final name. */
  readonly finished?: boolean;
}

/** Makes a copy for real, with a clone. */
export async function makeCopy(path: string, plan: CopyPlan = {}): Promise<void> {
  const { runs = [], written = [], finished = false } = plan;
  const clone = await hydrate(openSource(), path, {
    regionSize: REGION_SIZE,
    noHydration: true,
    readAround: 0,
  });
  await clone.flush();
  for (const { first, end } of runs) {
    const length = Math.min(end * REGION_SIZE, SIZE) - first * REGION_SIZE;
    await clone.hydrate({ ranges: [{ offset: first * REGION_SIZE, length }] });
    await clone.flush();
  }
  for (const region of written) {
    await clone.write(region * REGION_SIZE, WRITTEN);
    await clone.flush();
  }
  if (finished) {
    await clone.hydrate();
    await clone.hydrated();
  }
  await clone.close();
}

/** What the copy should be in the end. */
export function contentWith(written: readonly number[]): Uint8Array {
  const content = CONTENT.slice();
  for (const region of written) content.set(WRITTEN, region * REGION_SIZE);
  return content;
}

/** Opens the copy, brings it to its end, and looks at every byte. */
export async function finishCopy(path: string, expected: Uint8Array = CONTENT): Promise<void> {
  const clone = await hydrate(openSource(), path, { regionSize: REGION_SIZE });
  try {
    await clone.hydrated();
  } finally {
    await clone.close();
  }
  assertBytes(await readFile(path), expected, "the finished copy");
}

/** The regions that the believed map has; none where there is no such map. */
export async function hydratedRegions(path: string): Promise<number[]> {
  const bytes = await readFile(`${path}.headwater`);
  const { map } = await newestMap([bytes.subarray(0, SLOT_SIZE), bytes.subarray(SLOT_SIZE)]);
  if (map === undefined) return [];
  const regions = RegionMap.restore(await loadBitmaps(), REGION_COUNT, map.hydrated);
  return Array.from({ length: REGION_COUNT }, (_, region) => region).filter((region) =>
    regions.isHydrated(region),
  );
}

/** Changes the bytes of the map file. */
export async function changeMap(path: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(`${path}.headwater`);
  change(bytes);
  await rm(`${path}.headwater`);
  await writeFile(`${path}.headwater`, bytes);
}

/** Changes a field of the map in a slot, and makes its checksum right again. */
export async function forge(
  path: string,
  slot: number,
  change: (map: DataView) => void,
): Promise<void> {
  const bytes = await readFile(`${path}.headwater`);
  const start = slot * SLOT_SIZE;
  const length = bytes.readUInt32LE(start + 12);
  const map = bytes.subarray(start, start + length);
  change(new DataView(map.buffer, map.byteOffset, map.length));
  const digest = await crypto.subtle.digest("SHA-256", map.subarray(0, length - 32));
  map.set(new Uint8Array(digest), length - 32);
  await writeFile(`${path}.headwater`, bytes);
}

/** The slot of the newest map, as its generation says. */
export async function newestSlot(path: string): Promise<0 | 1> {
  const bytes = await readFile(`${path}.headwater`);
  return bytes.readBigUInt64LE(16) > bytes.readBigUInt64LE(SLOT_SIZE + 16) ? 0 : 1;
}
