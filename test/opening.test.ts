import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, HeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";

const test = suite("opening");

const REGION = 4096;
const SIZE = 4 * REGION;
const original = patternBytes(SIZE);

function open(options: Partial<CloneOptions>): Promise<Clone> {
  const source = new MemoryDevice(original.slice());
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ source, destination, regionSize: REGION, noHydration: true, ...options });
}

test("a map that cannot be loaded is a failure of the destination", async () => {
  const mapStore = new MemoryMapStore();
  mapStore.load = () => Promise.reject(new Error("input or output"));
  const error = await rejection(open({ mapStore }));
  assert.is((error as { code?: string }).code, "DESTINATION_FAILED");
  assert.match((error as Error).message, "input or output");
});

test("a source that a whole copy does not need is let go at once", async () => {
  const destination = new MemoryDevice(SIZE);
  const mapStore = new MemoryMapStore();
  const first = await open({ destination, mapStore, noHydration: false });
  await first.hydrated();
  await first.close();

  let isClosed = false;
  const source = new MemoryDevice(original.slice());
  source.close = async () => {
    isClosed = true;
  };
  const again = await open({ source, ownsSource: true, destination, mapStore });
  assert.ok(isClosed);
  await again.close();
});

test("a copy that was begun on a full disk goes on once there is space", async () => {
  const mapStore = new MemoryMapStore();
  const save = mapStore.save.bind(mapStore);
  mapStore.save = () => Promise.reject(new HeadwaterError("DESTINATION_FULL", "no space"));
  const clone = await open({ mapStore });
  const error = await rejection(clone.hydrate());
  assert.is((error as HeadwaterError).code, "DESTINATION_FULL");
  assert.is(clone.status().hydration, "paused");

  mapStore.save = save;
  clone.resume();
  await clone.hydrate();
  assert.is(clone.status().hydratedCount, 4);
  await clone.close();
});

test.run();
