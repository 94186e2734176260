import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import {
  Clone,
  type CloneOptions,
  HeadwaterError,
  loadBitmaps,
  type MapSlot,
  type MapStore,
} from "../lib/index.ts";
import { WrittenRegions } from "../lib/written-regions.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { propertyRuns } from "./property-runs.ts";
import { failure } from "./rejection.ts";

const test = suite("written regions");

const REGION = 4096;
const SIZE = 20 * REGION + 100;
const original = patternBytes(SIZE);

function open(mapStore: MapStore, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const [source, destination] = [new ScriptedSource(original), new MemoryDevice(SIZE)];
  return Clone.open({ source, destination, mapStore, regionSize: REGION, ...options });
}

/** What a process that was killed now would have left. */
async function leftBehind(mapStore: MapStore): Promise<MapStore> {
  return new MemoryMapStore(await mapStore.load());
}

const regions = (clone: Clone): number[][] =>
  [...clone.written()].map(({ offset, length }) => [offset / REGION, length / REGION]);

test("a record is like a set, also after it was stored", async () => {
  const library = await loadBitmaps();
  const run = fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 30 }));
  await fc.assert(
    fc.property(fc.array(run, { maxLength: 20 }), (runs) => {
      const record = new WrittenRegions(library, 230);
      const set = new Set<number>();
      for (const [first, count] of runs) {
        const { version } = record;
        const { size } = set;
        record.mark(first, first + count);
        for (let region = first; region < first + count; region += 1) set.add(region);
        assert.is(record.version > version, set.size > size);
      }
      const restored = new WrittenRegions(library, 230, record.snapshot());
      for (const one of [record, restored]) {
        const told = [...one.runs()].flatMap(({ first, end }) =>
          Array.from({ length: end - first }, (_, index) => first + index),
        );
        assert.equal(
          told,
          [...set].sort((a, b) => a - b),
        );
        assert.is(one.count, set.size);
      }
    }),
    propertyRuns(200),
  );
});

test("tells what was written and discarded, and nothing that was only hydrated", async () => {
  const mapStore = new MemoryMapStore();
  const clone = await open(mapStore, { noHydration: true });
  await clone.read(9 * REGION, 10);
  assert.equal(regions(clone), []);
  await clone.write(REGION + 7, new Uint8Array(REGION));
  await clone.discard(5 * REGION + 1, 3 * REGION);
  await clone.writeZeroes(SIZE - 1, 1);
  assert.equal(regions(clone), [
    [1, 2],
    [6, 2],
    [20, 100 / REGION],
  ]);
  assert.is(clone.status().writtenCount, 5);
  await clone.hydrate();
  await clone.hydrated();
  await clone.close();

  await using again = await open(mapStore);
  assert.is(again.status().writtenCount, 5);
  assert.ok(again.status().writtenIsExact);
});

test("a flushed write is in the record of whoever comes after a crash", async () => {
  const mapStore = new MemoryMapStore();
  await using clone = await open(mapStore, { noHydration: true });
  await clone.write(REGION, new Uint8Array(REGION));
  await clone.flush();
  await using next = await open(await leftBehind(mapStore), { noHydration: true });
  assert.equal(regions(next), [[1, 1]]);
});

test("a record left by a process that was writing is not called exact, ever again", async () => {
  const mapStore = new MemoryMapStore();
  await using clone = await open(mapStore, { noHydration: true });
  assert.ok(clone.status().writtenIsExact);
  await clone.write(REGION, new Uint8Array(REGION));
  const left = await leftBehind(mapStore);
  for (let times = 0; times < 2; times += 1) {
    const next = await open(left, { noHydration: true });
    assert.not(next.status().writtenIsExact);
    await next.write(3 * REGION, new Uint8Array(REGION));
    await next.close();
  }
});

test("a process that only read and was killed leaves the record exact", async () => {
  const mapStore = new MemoryMapStore();
  const writing = await open(mapStore, { noHydration: true });
  await writing.write(REGION, new Uint8Array(REGION));
  await writing.close();
  await using reading = await open(mapStore, { noHydration: true });
  await reading.read(0, SIZE);
  await reading.flush();
  await using next = await open(await leftBehind(mapStore), { noHydration: true });
  assert.ok(next.status().writtenIsExact);
});

test("a write that failed may have changed what was local, and is told", async () => {
  class Worn extends MemoryDevice {
    isWorn = false;
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      if (this.isWorn) throw new HeadwaterError("DESTINATION_FAILED", "worn out");
      await super.write(offset, pieces);
    }
  }
  const destination = new Worn(SIZE);
  await using clone = await open(new MemoryMapStore(), { destination, noHydration: true });
  await clone.hydrate({ ranges: [{ offset: REGION, length: REGION }] });
  destination.isWorn = true;
  const write = clone.write(REGION, new Uint8Array(2 * REGION));
  assert.is((await failure(write)).code, "DESTINATION_FAILED");
  assert.equal(regions(clone), [[1, 1]]);
});

test("a second write to a region stores no map", async () => {
  let saves = 0;
  class Counting extends MemoryMapStore {
    override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
      saves += 1;
      await super.save(slot, bytes);
    }
  }
  await using clone = await open(new Counting(), { noHydration: true });
  await clone.write(REGION, new Uint8Array(REGION));
  await clone.flush();
  const before = saves;
  await clone.write(REGION, patternBytes(REGION, 3));
  await clone.flush();
  assert.is(saves, before);
});

test.run();
