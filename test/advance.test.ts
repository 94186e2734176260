import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import {
  Clone,
  type CloneOptions,
  HeadwaterError,
  type MapStore,
  readSlots,
} from "../lib/index.ts";
import { CrashMapStore } from "./devices/crash-map-store.ts";
import { type DiskContent, GrowingDisk } from "./devices/growing-disk.ts";
import { type Change, History } from "./devices/history.ts";
import { Power } from "./devices/power.ts";
import { randomFrom } from "./devices/random.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";
import { propertyRuns } from "./property-runs.ts";
import { failure } from "./rejection.ts";

const test = suite("advance");

const REGION = 4096;

const FIRST = patternBytes(10 * REGION + 100);

function twoVersions(change: Change): History {
  const history = new History(FIRST);
  history.add(change);
  return history;
}

const CHANGE: Change = {
  size: FIRST.length + 3 * REGION,
  edits: [{ offset: 2 * REGION + 10, length: REGION }],
};

function open(history: History, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(history.versions[0]?.length ?? 0);
  return Clone.open({
    source: history.source(0),
    destination,
    regionSize: REGION,
    readAround: 0,
    ...options,
  });
}

test("fetches only what has changed, and keeps the rest", async () => {
  const history = twoVersions(CHANGE);
  const destination = new MemoryDevice(FIRST.length);
  await using clone = await open(history, { destination });
  await clone.hydrated();
  const told: unknown[] = [];
  clone.on("advanced", (event) => told.push(event));
  const next = history.source(1);
  await clone.advance(next);
  const keptBytes = 8 * REGION;
  assert.equal(told, [{ from: "0", to: "1", keptBytes, reason: undefined }]);
  assert.is(clone.size, CHANGE.size);
  assert.equal(await clone.read(0, clone.size), history.versions[1]);
  await clone.hydrated();
  assert.equal(destination.bytes, history.versions[1]);
  // Regions 2 and 3, which were edited, and 10 on: what was short before, and what is new.
  assert.is(next.servedBytes, 2 * REGION + 3 * REGION + 100);
});

test("an unfinished copy advances, and what was under way begins again", async () => {
  const history = twoVersions({ ...CHANGE, size: 5 * REGION });
  const turns: (() => void)[] = [];
  const source = history.source(0, () => new Promise<void>((resolve) => turns.push(resolve)));
  const destination = new MemoryDevice(FIRST.length);
  await using clone = await open(history, { source, destination });
  const read = clone.read(REGION, 2 * REGION);
  const whole = clone.hydrated();
  const named = clone.hydrate({ ranges: [{ offset: 0, length: 5 }] });
  while (turns.length === 0) await new Promise((done) => setImmediate(done));
  await clone.advance(history.source(1));
  assert.equal(await read, history.versions[1]?.slice(REGION, 3 * REGION));
  await Promise.all([whole, named]);
  assert.equal(destination.bytes, history.versions[1]);
});

test("a copy that a user wrote to stays what it is", async () => {
  const history = twoVersions(CHANGE);
  await using clone = await open(history);
  await clone.write(0, new Uint8Array(10));
  const error = await failure(clone.advance(history.source(1)));
  assert.is(error.code, "SOURCE_CHANGED");
  assert.match(error.message, "holds what was written to it");
  assert.is((await clone.read(0, 1))[0], 0);
  await clone.hydrated();
});

test("a source that cannot say what has changed keeps nothing", async () => {
  const history = twoVersions(CHANGE);
  await using clone = await open(history);
  await clone.hydrated();
  const next = new ScriptedSource(history.versions[1] ?? FIRST, { identity: "1" });
  await clone.advance(next);
  await clone.hydrated();
  assert.is(next.servedBytes, CHANGE.size);
});

test("opening with a later version advances what is found", async () => {
  const history = twoVersions(CHANGE);
  const [destination, mapStore] = [new MemoryDevice(FIRST.length), new MemoryMapStore()];
  const first = await open(history, { destination, mapStore });
  await first.hydrated();
  await first.close();
  const source = history.source(1);
  await using clone = await open(history, { destination, mapStore, source });
  await clone.hydrated();
  assert.equal(destination.bytes, history.versions[1]);
  assert.is(source.servedBytes, 5 * REGION + 100);
});

test("no slot of the map is of the former version when the first byte of the new one is written", async () => {
  const mapStore = new MemoryMapStore();
  const identities: unknown[] = [];
  let isWatched = false;
  class Watched extends MemoryDevice {
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      const slots = isWatched ? await readSlots(await mapStore.load()) : [];
      for (const slot of slots) identities.push(slot.state === "map" && slot.map.identity);
      await super.write(offset, pieces);
    }
  }
  const history = twoVersions(CHANGE);
  const destination = new Watched(FIRST.length);
  await using clone = await open(history, { destination, mapStore });
  await clone.hydrated();
  isWatched = true;
  await clone.advance(history.source(1));
  await clone.hydrated();
  assert.equal([...new Set(identities)], ["1"]);
});

test("the device a finished copy lies in is asked for another place first, and once", async () => {
  const calls: string[] = [];
  class Named extends MemoryDevice {
    async finish(): Promise<void> {
      calls.push("finish");
    }
    async unfinish(): Promise<() => Promise<void>> {
      calls.push("unfinish");
      return async () => {
        calls.push("put in place");
      };
    }
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      if (calls.length > 0 && calls.at(-1) !== "write") calls.push("write");
      await super.write(offset, pieces);
    }
  }
  const history = twoVersions(CHANGE);
  await using clone = await open(history, { destination: new Named(FIRST.length) });
  await clone.hydrated();
  await clone.advance(history.source(1));
  await clone.hydrated();
  assert.equal(calls, ["finish", "unfinish", "put in place", "write", "finish"]);
});

/** Lives until the power is cut. */
async function live(
  history: History,
  versions: readonly number[],
  disk: GrowingDisk,
  mapStore: MapStore,
  pause: () => Promise<unknown>,
): Promise<void> {
  const clock = new TestClock(pause);
  const all = { destination: disk, mapStore, regionSize: REGION, readAround: 0, clock };
  const [first = 0, ...later] = versions;
  let clone: Clone | undefined;
  try {
    clone = await Clone.open({ ...all, source: history.source(first, pause) });
    for (const version of later) {
      await clone.read(REGION, 3 * REGION);
      clock.tick();
      await clone.advance(history.source(version, pause));
    }
    await clone.hydrated();
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
  }
  await clone?.close().catch(() => {});
}

test("a crash at any step of an advance loses nothing and mixes nothing", async () => {
  const size = fc.integer({ min: 1, max: 14 * REGION });
  const edit = fc.record({ offset: fc.nat(14 * REGION), length: fc.nat(2 * REGION) });
  const change = fc.record({ size, edits: fc.array(edit, { maxLength: 4 }) });
  const setup = fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    cuts: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 3 }),
    seed: fc.nat(),
  });
  const property = fc.asyncProperty(setup, async ({ changes, cuts, seed }) => {
    const history = new History(FIRST);
    for (const each of changes) history.add(each);
    const last = changes.length;
    const random = randomFrom(seed);
    const pause = (): Promise<void> => new Promise((done) => setImmediate(done));
    const garbage = new Uint8Array(15 * REGION).fill(0xa6);
    // Room for any version, should the first crash leave nothing to go on from.
    let content: DiskContent = { bytes: garbage, size: garbage.length };
    let slots: readonly [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()];
    let from = 0;
    for (const cutAt of cuts) {
      const power = new Power(cutAt);
      const disk = new GrowingDisk(content, power, pause);
      const mapStore = new CrashMapStore(slots, power, pause);
      const versions = Array.from({ length: last + 1 - from }, (_, index) => from + index);
      await live(history, versions, disk, mapStore, pause);
      content = disk.survivor(random);
      slots = mapStore.survivor(random);
      from = random(last + 1);
    }
    // Whatever was found, the last version comes of it, and each read on the way is of it.
    const disk = new GrowingDisk(content, new Power(), pause);
    const mapStore = new MemoryMapStore(slots);
    const source = history.source(last);
    const all = { source, destination: disk, mapStore, regionSize: REGION };
    await using clone = await Clone.open({ ...all, clock: new TestClock(pause) });
    assert.equal(await clone.read(0, clone.size), history.versions[last]);
    await clone.hydrated();
    // Where nothing was stored before the crash it is a new copy, on a disk that may be larger.
    assert.equal(disk.bytes.slice(0, clone.size), history.versions[last]);
  });
  await fc.assert(property, propertyRuns(150));
});

test.run();
