import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { Clone, type CloneOptions, isHeadwaterError } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { rejection } from "./rejection.ts";

const test = suite("budget");

const REGION = 4096;
const SIZE = 64 * REGION;
const original = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 8)) % 251);

function open(source: ScriptedSource, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ source, destination, regionSize: REGION, readAround: 0, ...options });
}

async function spentBy(promise: Promise<unknown>): Promise<void> {
  const error = await rejection(promise);
  assert.ok(isHeadwaterError(error, "BUDGET_SPENT"), String(error));
}

test("hydration pauses where the bytes are spent, to the region, and what is local is served", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxBytes: 10 * REGION + 100 });
  await spentBy(clone.hydrated());
  assert.is(source.servedBytes, 10 * REGION);
  const { hydration, error, budget, hydratedCount } = clone.status();
  assert.is(hydration, "paused");
  assert.is(error?.code, "BUDGET_SPENT");
  assert.is(hydratedCount, 10);
  assert.is(budget.bytes, 10 * REGION);
  assert.is(budget.maxBytes, 10 * REGION + 100);
  assert.equal(await clone.read(0, 10 * REGION), original.slice(0, 10 * REGION));
  await spentBy(clone.read(20 * REGION, 1));
  assert.is(source.servedBytes, 10 * REGION);
});

test("a budget of exactly the blob is enough, however much is fetched at once", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxBytes: SIZE, hydrationBatchSize: 4 });
  await clone.hydrated();
  assert.is(source.servedBytes, SIZE);
});

test("fetches side by side do not pass a limit together", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxBytes: 12 * REGION, noHydration: true });
  const reads = Array.from({ length: 20 }, (_, index) => clone.read(index * 3 * REGION, REGION));
  const results = await Promise.allSettled(reads);
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 12);
  assert.is(source.servedBytes, 12 * REGION);
});

test("requests are counted as well, and a higher limit lets both go on", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxRequests: 3, hydrationBatchSize: 8 });
  await spentBy(clone.hydrated());
  assert.is(source.calls, 3);
  await spentBy(clone.read(SIZE - 1, 1));
  clone.configure({ maxRequests: 4 });
  await spentBy(clone.hydrated());
  assert.is(source.calls, 4);
  clone.configure({ maxRequests: Number.POSITIVE_INFINITY });
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
});

test("a cost is estimated from the prices of requests and bytes", async () => {
  const source = new ScriptedSource(original);
  const prices = { pricePerRequest: 0.5, pricePerGigabyte: 1e9 / REGION }; // 1 a region
  await using clone = await open(source, { ...prices, maxCost: 10, hydrationBatchSize: 1 });
  await spentBy(clone.hydrated());
  assert.is(source.calls, 6);
  assert.is(clone.status().budget.cost, 9);
  assert.is(clone.status().budget.maxCost, 10);
});

test("a source that costs more than was asked is left as soon as that is known", async () => {
  const source = new ScriptedSource(original);
  source.stream = async function* (offset, length, { meter } = {}) {
    for (let at = offset; at < offset + length; at += REGION) {
      meter?.request(); // one a region
      meter?.bytes(REGION);
      yield original.slice(at, at + REGION);
    }
  };
  await using clone = await open(source, { maxRequests: 5, noHydration: true });
  await spentBy(clone.read(0, SIZE));
  assert.ok(clone.stats().requests <= 6, `${clone.stats().requests} requests`);
});

test("with copyOnRead off reads are held to it too", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxBytes: 5000, copyOnRead: false, noHydration: true });
  assert.equal(await clone.read(0, 4000), original.slice(0, 4000));
  await spentBy(clone.read(4000, 1001));
  assert.equal(await clone.read(4000, 1000), original.slice(4000, 5000));
  assert.is(source.servedBytes, 5000);
});

test("a write that needs bytes of the source says so, one that covers its regions needs none", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { maxBytes: 0, noHydration: true });
  await spentBy(clone.write(100, new Uint8Array(10)));
  await clone.write(0, new Uint8Array(REGION));
  assert.equal(await clone.read(0, REGION), new Uint8Array(REGION));
});

test("a copy whose budget was spent is gone on with by another clone", async () => {
  const source = new ScriptedSource(original);
  const destination = new MemoryDevice(SIZE);
  const mapStore = new MemoryMapStore();
  const base = { source, destination, mapStore, regionSize: REGION };
  const clone = await Clone.open({ ...base, maxBytes: SIZE / 2 });
  await spentBy(clone.hydrated());
  await clone.close();
  await using next = await Clone.open({
    ...base,
    destination: new MemoryDevice(destination.bytes),
  });
  await next.hydrated();
  assert.is(source.servedBytes, SIZE);
  assert.equal(await next.read(0, SIZE), original);
});

test("limits that make no sense are refused by name", async () => {
  for (const [options, name] of [
    [{ maxBytes: -1 }, /maxBytes/],
    [{ maxRequests: 1.5 }, /maxRequests/],
    [{ maxCost: Number.NaN }, /maxCost/],
    [{ pricePerRequest: -1 }, /pricePerRequest/],
  ] as const) {
    const error = await rejection(open(new ScriptedSource(original), options));
    assert.instance(error, RangeError);
    assert.match(String(error), name);
  }
});

test.run();
