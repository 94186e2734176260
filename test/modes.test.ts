import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneMode, HeadwaterError, type MapSlot } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";
import { failure } from "./rejection.ts";

const test = suite("modes");

const REGION = 4096;
const SIZE = 8 * REGION;
const original = patternBytes(SIZE);
const written = patternBytes(REGION, 2);

/** A store that fails as it is told. */
class FaultyStore extends MemoryMapStore {
  saveError: HeadwaterError | undefined;
  /** Whether nothing can be read either once a save fails. */
  isGone = false;
  saves = 0;

  override async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    if (this.isGone && this.saveError !== undefined)
      throw new HeadwaterError("DESTINATION_FAILED", "the map is gone");
    return super.load();
  }

  override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    this.saves += 1;
    if (this.saveError !== undefined) throw this.saveError;
    await super.save(slot, bytes);
  }
}

const broken = new HeadwaterError("DESTINATION_FAILED", "the disk is broken");
const full = new HeadwaterError("DESTINATION_FULL", "the disk is full");

/** A clone with one region written, whose next commit fails. */
async function degraded(
  store: FaultyStore,
  error: HeadwaterError,
): Promise<{ clone: Clone; modes: CloneMode[]; flushed: HeadwaterError; clock: TestClock }> {
  const clock = new TestClock(() => Promise.resolve());
  const clone = await Clone.open({
    source: new ScriptedSource(original),
    destination: new MemoryDevice(SIZE),
    mapStore: store,
    regionSize: REGION,
    noHydration: true,
    readAround: 0,
    clock,
  });
  const modes: CloneMode[] = [];
  clone.on("mode", (mode) => modes.push(mode));
  await clone.write(0, written);
  store.saveError = error;
  const flushed = await failure(clone.flush());
  await new Promise((done) => setTimeout(done, 10));
  return { clone, modes, flushed, clock };
}

/** Everything that is to change or to keep something. */
const CHANGES: Readonly<Record<string, (clone: Clone) => Promise<unknown>>> = {
  write: (clone) => clone.write(0, written),
  "write with FUA": (clone) => clone.write(0, written, { fua: true }),
  "write zeroes": (clone) => clone.writeZeroes(0, 10),
  discard: (clone) => clone.discard(0, REGION),
  flush: (clone) => clone.flush(),
  hydrate: (clone) => clone.hydrate(),
  resume: async (clone) => clone.resume(),
};

const READS: Readonly<Record<string, (clone: Clone) => Promise<unknown>>> = {
  read: (clone) => clone.read(0, 10),
  readInto: (clone) => clone.readInto(5, new Uint8Array(10)),
  readIntoSync: async (clone) => clone.readIntoSync(5, new Uint8Array(10)),
  suspend: (clone) => clone.suspend(),
  pause: async (clone) => clone.pause(),
  configure: async (clone) => clone.configure({ hydrationThreshold: 2 }),
  reconnect: (clone) => clone.reconnect(new ScriptedSource(original)),
};

test("a commit that fails makes the clone read-only, with the reason", async () => {
  const { clone, modes, flushed } = await degraded(new FaultyStore(), broken);
  assert.is(flushed, broken);
  assert.equal(modes, ["read-only"]);
  assert.is(clone.mode, "read-only");
  assert.is(clone.status().error, broken);
  await clone.close();
});

test("read-only serves what was written and what is still at the source", async () => {
  const { clone } = await degraded(new FaultyStore(), broken);
  const expected = original.slice();
  expected.set(written, 0);
  assert.equal(await clone.read(0, SIZE), expected);
  for (const [name, read] of Object.entries(READS)) {
    await read(clone).catch((error: unknown) => assert.unreachable(`${name}: ${error}`));
  }
  await clone.close();
});

test("read-only refuses every change, and a save that works again does not bring it back", async () => {
  const store = new FaultyStore();
  const { clone, clock } = await degraded(store, broken);
  store.saveError = undefined;
  clock.tick();
  for (const [name, change] of Object.entries(CHANGES)) {
    const error = await failure(change(clone));
    assert.is(error.code, "READ_ONLY", name);
    assert.is(error.cause, broken, name);
  }
  assert.is((await failure(clone.hydrated())).code, "DESTINATION_FAILED");
  const { saves } = store;
  await clone.read(0, SIZE); // more is local now than is stored
  clock.tick();
  await new Promise((done) => setTimeout(done, 10));
  await clone.close();
  assert.is(store.saves, saves, "a map was stored that nobody can trust");
});

test("a flush that fails at the end of hydration is not made good by the next one", async () => {
  const store = new FaultyStore();
  const destination = new MemoryDevice(SIZE);
  const clone = await Clone.open({
    ...{ source: new ScriptedSource(original), destination, mapStore: store },
    ...{ regionSize: REGION, noHydration: true },
  });
  await clone.hydrate({ ranges: [{ offset: 0, length: SIZE - REGION }] });
  await clone.flush();
  destination.flush = () => Promise.reject(broken);
  const hydrated = failure(clone.hydrated());
  void clone.hydrate().catch(() => {});
  assert.is(await hydrated, broken);
  Reflect.deleteProperty(destination, "flush");
  const { saves } = store;
  await clone.close();
  assert.is(clone.mode, "read-only");
  assert.is(store.saves, saves);
});

test("a clone fails where the stored map cannot be read either, and then refuses everything", async () => {
  const store = new FaultyStore();
  store.isGone = true;
  const { clone, modes } = await degraded(store, broken);
  assert.equal(modes, ["read-only", "failed"]);
  for (const [name, call] of Object.entries({ ...READS, ...CHANGES })) {
    assert.is((await failure(call(clone))).code, "FAILED", name);
  }
  assert.is(clone.status().mode, "failed");
  assert.is(clone.stats().reads, 0);
  await clone.close();
});

test("a full disk leaves it read-write, and room makes everything good", async () => {
  const store = new FaultyStore();
  const { clone, modes } = await degraded(store, full);
  assert.equal(modes, []);
  await clone.write(REGION, written);
  assert.is((await failure(clone.flush())).code, "DESTINATION_FULL");
  store.saveError = undefined;
  await clone.flush();
  await clone.close();
});

test.run();
