import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, type MapSlot, type SourceOpener } from "../lib/index.ts";
import { heldSource, isOver, until } from "./devices/held-source.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { GARBAGE } from "./devices/slow-destination.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("controls");

const REGION = 4096;
const SIZE = 20 * REGION + 100;
const original = patternBytes(SIZE);
const quick = { backoffMs: 1, maxBackoffMs: 4 };

/** A device that was used before, and says what it was asked for. */
class Recorder extends MemoryDevice {
  readonly calls: string[] = [];

  constructor() {
    super(new Uint8Array(SIZE).fill(GARBAGE));
  }

  override write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    this.calls.push("write");
    return super.write(offset, pieces);
  }

  override discard(offset: number, length: number): Promise<void> {
    this.calls.push("discard");
    return super.discard(offset, length);
  }

  override flush(): Promise<void> {
    this.calls.push("flush");
    return super.flush();
  }
}

class SaveCounter extends MemoryMapStore {
  saves = 0;

  override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    this.saves += 1;
    await super.save(slot, bytes);
  }
}

function open(source: ScriptedSource, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new Recorder();
  return Clone.open({ source, destination, regionSize: REGION, retries: quick, ...options });
}

test("writes zeros exactly there, and reads only the regions at its ends from the source", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { noHydration: true, readAround: 0 });
  const [start, end] = [REGION - 10, 4 * REGION + 10];
  await clone.writeZeroes(start, end - start);
  const expected = original.slice();
  expected.fill(0, start, end);
  assert.equal(clone.status().hydratedCount, 5);
  assert.is(source.servedBytes, 2 * REGION);
  assert.equal(await clone.read(0, SIZE), expected);
});

test("a write with FUA is as durable as after a flush", async () => {
  const mapStore = new SaveCounter();
  await using clone = await open(new ScriptedSource(original), { mapStore, noHydration: true });
  await clone.write(0, new Uint8Array(REGION));
  const { saves } = mapStore;
  await clone.write(REGION, new Uint8Array(REGION), { fua: true });
  assert.is(mapStore.saves, saves + 1);
  await clone.discard(2 * REGION, REGION, { fua: true });
  assert.is(mapStore.saves, saves + 2);
  await clone.writeZeroes(3 * REGION, REGION, { fua: true });
  assert.is(mapStore.saves, saves + 3);
});

for (const noDiscardPassdown of [false, true]) {
  const how = noDiscardPassdown ? "kept from" : "passed down to";
  test(`a discard ${how} the destination reads as zeros, the short tail too`, async () => {
    const destination = new Recorder();
    const source = new ScriptedSource(original);
    const options = { destination, noDiscardPassdown, noHydration: true };
    await using clone = await open(source, options);
    await clone.discard(REGION + 1, 3 * REGION);
    await clone.discard(19 * REGION, SIZE - 19 * REGION);
    assert.is(destination.calls.includes("discard"), !noDiscardPassdown);
    assert.is(clone.status().noDiscardPassdown, noDiscardPassdown);
    assert.is(clone.status().hydratedCount, 4);
    const expected = original.slice();
    expected.fill(0, 2 * REGION, 4 * REGION);
    expected.fill(0, 19 * REGION);
    assert.equal(await clone.read(0, SIZE), expected);
  });
}

test("a threshold of 0 holds hydration, and another lets it go on", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { hydrationThreshold: 0 });
  assert.not(await isOver(clone.hydrated()));
  assert.is(source.calls, 0);
  clone.configure({ hydrationThreshold: 3 });
  await clone.hydrated();
});

test("as many bytes may be in flight with small regions as with large ones", async () => {
  for (const regionSize of [4096, 65_536, 2 ** 30]) {
    await using clone = await open(new ScriptedSource(original), { regionSize, noHydration: true });
    const { hydrationThreshold, hydrationBatchSize } = clone.status();
    assert.is(hydrationThreshold, Math.max(1, 2 ** 27 / regionSize));
    assert.is(hydrationBatchSize, Math.max(1, 2 ** 23 / regionSize));
  }
});

test("a suspension waits for what is under way, and holds everything else", async () => {
  const { source, next, waiting } = heldSource(original, REGION);
  const destination = new Recorder();
  const mapStore = new SaveCounter();
  await using clone = await open(source, {
    ...{ destination, mapStore, noHydration: true, readAround: 0 },
  });
  const early = clone.read(0, 10);
  await until(() => waiting() === 1);
  const suspending = clone.suspend();
  assert.not(await isOver(suspending), "it did not wait for the read");
  next();
  assert.equal(await early, original.slice(0, 10));
  const resume = await suspending;

  assert.ok(clone.status().suspended);
  const before = [destination.calls.length, mapStore.saves, source.calls];
  const read = clone.read(0, 10);
  const write = clone.write(REGION, new Uint8Array(REGION));
  const flush = clone.flush();
  assert.is(clone.readIntoSync(0, new Uint8Array(10)), undefined);
  const all = Promise.all([read, write, flush]);
  assert.not(await isOver(Promise.race([read, write, flush])), "something did not wait");
  assert.equal([destination.calls.length, mapStore.saves, source.calls], before);

  resume();
  await all;
  assert.equal(await read, original.slice(0, 10));
  assert.not(clone.status().suspended);
});

test("hydration rests while suspended, and goes on when each suspension has ended", async () => {
  const { source, next, waiting } = heldSource(original, REGION);
  await using clone = await open(source, { hydrationThreshold: 1, hydrationBatchSize: 1 });
  await until(() => waiting() === 1);
  const suspensions = [clone.suspend(), clone.suspend()] as const;
  next();
  const [first, second] = await Promise.all(suspensions);
  const { hydratedCount } = clone.status();
  first();
  first();
  clone.resume();
  assert.not(await isOver(clone.hydrated()));
  assert.is(waiting(), 0, "something is fetched");
  assert.is(clone.status().hydratedCount, hydratedCount);
  second();
  await until(() => {
    next();
    return clone.status().hydration === "complete";
  });
});

test("what waits for the end of a suspension can be left, and ends with the clone", async () => {
  const clone = await open(new ScriptedSource(original), { noHydration: true });
  await clone.suspend();
  const leaving = new AbortController();
  const left = clone.read(0, 10, { signal: leaving.signal });
  const closed = clone.read(0, 10);
  leaving.abort();
  assert.is(await rejection(left), leaving.signal.reason);
  const [error] = await Promise.all([failure(closed), clone.close()]);
  assert.is(error.code, "CLOSED");
});

test("another source takes over from one that hangs, in the middle of a fetch", async () => {
  const { source, next, waiting } = heldSource(original, REGION);
  await using clone = await open(source);
  await until(() => waiting() === 1);
  next();
  await until(() => waiting() === 1); // the second piece never comes
  const reading = clone.read(5 * REGION, 10);
  const better = new ScriptedSource(original);
  await clone.reconnect(better);
  assert.equal(await reading, original.slice(5 * REGION, 5 * REGION + 10));
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
  assert.is(better.served[0], 0, "what had arrived was asked for again");
});

test("another source ends a stall", async () => {
  const broken = new ScriptedSource(original, {
    fault: () => ({ kind: "fails", retryable: false }),
  });
  await using clone = await open(broken);
  assert.is((await failure(clone.hydrated())).code, "SOURCE_FAILED");
  assert.is(clone.status().hydration, "stalled");
  await clone.reconnect(new ScriptedSource(original));
  await clone.hydrated();
});

test("a source that was opened for the clone is closed with it, and the one before at once", async () => {
  const [first, second] = [new ScriptedSource(original), new ScriptedSource(original)];
  const opener: SourceOpener = { open: () => Promise.resolve(second), recognizes: () => true };
  const clone = await open(first, { ownsSource: true, noHydration: true });
  await clone.reconnect(opener);
  assert.ok(first.isClosed);
  assert.not(second.isClosed);
  await clone.close();
  assert.ok(second.isClosed);
});

test("a source of another blob is refused, and the one before stays", async () => {
  await using clone = await open(new ScriptedSource(original), { noHydration: true });
  const other = new ScriptedSource(original, { identity: "another" });
  assert.is((await failure(clone.reconnect(other))).code, "SOURCE_CHANGED");
  const shorter = new ScriptedSource(original.slice(1));
  assert.is((await failure(clone.reconnect(shorter))).code, "SOURCE_CHANGED");
  assert.equal(await clone.read(0, SIZE), original);
});

test("the destination is handed over whole and open, and the clone is over", async () => {
  const destination = new Recorder();
  let closed = 0;
  const clone = await open(new ScriptedSource(original), {
    destination,
    closed: async () => {
      closed += 1;
    },
  });
  const given = await clone.handOver();
  assert.is(given, destination);
  assert.equal(destination.bytes, original);
  assert.is((await failure(clone.read(0, 1))).code, "CLOSED");
  assert.is(closed, 0);
  const { length } = destination.calls;
  await clone.close();
  assert.is(closed, 1);
  assert.is(destination.calls.length, length, "it was touched after the hand-over");
});

test("says which parts of a range are local", async () => {
  await using clone = await open(new ScriptedSource(original), { noHydration: true });
  await clone.write(2 * REGION, new Uint8Array(2 * REGION));
  await clone.write(20 * REGION, new Uint8Array(100));
  const runs = [...clone.hydratedRuns(REGION + 5, SIZE)];
  assert.equal(runs, [
    { offset: REGION + 5, length: REGION - 5, hydrated: false },
    { offset: 2 * REGION, length: 2 * REGION, hydrated: true },
    { offset: 4 * REGION, length: 16 * REGION, hydrated: false },
    { offset: 20 * REGION, length: 100, hydrated: true },
  ]);
});

test.run();
