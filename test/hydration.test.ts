import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import {
  Clone,
  type CloneOptions,
  HeadwaterError,
  type MapSlot,
  newestMap,
  type SourceDevice,
} from "../lib/index.ts";
import { type Fault, ScriptedSource } from "./devices/scripted-source.ts";
import { failure } from "./rejection.ts";

const test = suite("hydration");

const REGION = 4096;
const SIZE = 20 * REGION + 100;
const original = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 8)) % 251);
const quick = { backoffMs: 1, maxBackoffMs: 4 };

function open(source: ScriptedSource, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(source.size);
  return Clone.open({ source, destination, regionSize: REGION, retries: quick, ...options });
}

/** A fault for every call that asks for this byte. */
function badByte(offset: number, fault: Fault): (call: number, from: number) => Fault | undefined {
  // The script does not say how long the call is: everything that starts before may contain it.
  return (_, from) => {
    if (from > offset) return undefined;
    return "after" in fault ? { ...fault, after: offset - from } : fault;
  };
}

test("brings every byte once", async () => {
  const source = new ScriptedSource(original, { pieces: [1000, 5000] });
  await using clone = await open(source);
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
  assert.ok(source.served.every((count) => count === 1));
  assert.is(clone.stats().amplification, 1);
  assert.is(clone.status().hydration, "complete");
});

test("a blob of no bytes is complete at once", async () => {
  await using clone = await open(new ScriptedSource(new Uint8Array(0)));
  await clone.hydrated();
  assert.is((await clone.read(0, 10)).length, 0);
  assert.is(clone.status().hydratedBytes, 0);
});

test("fetches nothing by itself when hydration is off", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { noHydration: true, readAround: 0 });
  await clone.read(REGION, 10);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(clone.status().hydratedCount, 1);
  await clone.hydrate({ ranges: [{ offset: 5 * REGION, length: 2 * REGION }] });
  assert.is(clone.status().hydratedCount, 3);
  assert.is(clone.status().hydration, "off");
  await clone.hydrate();
  await clone.hydrated();
  assert.ok(source.served.every((count) => count === 1));
});

test("brings what may not be had for long before the rest, and after what is named", async () => {
  const source: SourceDevice & ScriptedSource = Object.assign(new ScriptedSource(original), {
    shortLived: () => [12, 16].map((region) => ({ offset: region * REGION + 5, length: REGION })),
  });
  const starts: number[] = [];
  await using clone = await open(source, { hydrationThreshold: 1, hydrationBatchSize: 1 });
  clone.on("landed", ({ offset }) => starts.push(offset / REGION));
  await Promise.all([
    clone.hydrate({ ranges: [{ offset: 8 * REGION, length: 1 }], priority: -5 }),
    clone.hydrated(),
  ]);
  assert.equal(starts.slice(0, 6), [8, 12, 13, 16, 17, 0]);
});

test("brings what is named before the rest, the highest priority first", async () => {
  const turns: (() => void)[] = [];
  const pause = () => new Promise<void>((resolve) => turns.push(resolve));
  const source = new ScriptedSource(original, { pause });
  await using clone = await open(source, { hydrationThreshold: 1, hydrationBatchSize: 1 });
  const order: number[] = [];
  clone.on("landed", ({ offset }) => order.push(offset / REGION));
  const low = clone.hydrate({ ranges: [{ offset: 9 * REGION, length: REGION }], priority: 1 });
  const high = clone.hydrate({ ranges: [{ offset: 15 * REGION, length: REGION }], priority: 2 });
  const all = clone.hydrated();
  let done = false;
  void all.then(() => {
    done = true;
  });
  while (!done) {
    turns.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await Promise.all([low, high]);
  assert.equal(order.slice(0, 2), [15, 9]);
});

test("one bad region holds back none of its neighbours, and is named", async () => {
  const bad = 7 * REGION + 5;
  const source = new ScriptedSource(original, {
    fault: badByte(bad, { kind: "breaks", after: 0 }),
  });
  await using clone = await open(source, { retries: { ...quick, stallAfter: 4 } });
  const quarantined: number[] = [];
  clone.on("quarantined", ({ offset }) => quarantined.push(offset));
  const error = await failure(clone.hydrated());
  assert.is(error.code, "STALLED");
  assert.match(error.message, `bytes ${7 * REGION}+${REGION}`);
  assert.equal(quarantined, [7 * REGION]);
  assert.equal([...clone.missing()], [{ offset: 7 * REGION, length: REGION }]);
  assert.equal(clone.status().quarantined, [{ offset: 7 * REGION, length: REGION }]);
  assert.is(clone.status().hydration, "stalled");
  assert.equal(await clone.read(0, 7 * REGION), original.subarray(0, 7 * REGION));
});

test("goes on from the very byte at which a connection broke", async () => {
  let breaks = 3;
  const source = new ScriptedSource(original, {
    pieces: [1500],
    fault: () => (breaks-- > 0 ? { kind: "breaks", after: 10_000 } : undefined),
  });
  await using clone = await open(source);
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
  assert.ok(source.served.every((count) => count === 1));
  assert.ok(clone.stats().retry.requests > 0);
});

test("stalls after a bounded number of failures, and resumes", async () => {
  let down = true;
  const source = new ScriptedSource(original, {
    fault: () => (down ? { kind: "fails", retryable: true } : undefined),
  });
  await using clone = await open(source);
  assert.is((await failure(clone.hydrated())).code, "STALLED");
  const calls = source.calls;
  assert.ok(calls < 100, `${calls} calls`);
  down = false;
  clone.resume();
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
});

test("what will not succeed later is not tried again", async () => {
  const source = new ScriptedSource(original, {
    fault: () => ({ kind: "fails", retryable: false }),
  });
  await using clone = await open(source, { hydrationThreshold: 1 });
  assert.is((await failure(clone.hydrated())).code, "SOURCE_FAILED");
  assert.is(source.calls, 1);
});

test("a read is tried three times again, no more", async () => {
  const source = new ScriptedSource(original, {
    fault: () => ({ kind: "fails", retryable: true }),
  });
  await using clone = await open(source, { noHydration: true });
  assert.is((await failure(clone.read(0, 10))).code, "SOURCE_FAILED");
  assert.is(source.calls, 4);
});

test("a source that sends nothing is given up in time", async () => {
  let stalls = 1;
  const source = new ScriptedSource(original, {
    fault: () => (stalls-- > 0 ? { kind: "stalls", after: 5000 } : undefined),
  });
  await using clone = await open(source, { stallTimeoutMs: 20 });
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
});

test("a full destination pauses hydration, and reads go on", async () => {
  const source = new ScriptedSource(original);
  let isFull = true;
  class FullDevice extends MemoryDevice {
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      if (isFull) throw new HeadwaterError("DESTINATION_FULL", "no space");
      await super.write(offset, pieces);
    }
  }
  await using clone = await open(source, { destination: new FullDevice(SIZE) });
  assert.is((await failure(clone.hydrated())).code, "DESTINATION_FULL");
  assert.is(clone.status().hydration, "paused");
  assert.is((await failure(clone.hydrate())).code, "DESTINATION_FULL");
  assert.equal(await clone.read(REGION - 5, 10), original.subarray(REGION - 5, REGION + 5));
  isFull = false;
  clone.resume();
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
});

test("the final name is not given before the whole is recorded, however often that fails", async () => {
  let isFailing = false;
  let savedComplete = false;
  class FailingStore extends MemoryMapStore {
    override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
      if (isFailing) throw new HeadwaterError("DESTINATION_FULL", "the disk is full");
      await super.save(slot, bytes);
      savedComplete = (await newestMap(await this.load())).map?.complete ?? false;
    }
  }
  const named: boolean[] = [];
  class NamedDevice extends MemoryDevice {
    async finish(): Promise<void> {
      named.push(savedComplete);
    }
  }
  const destination = new NamedDevice(SIZE);
  await using clone = await open(new ScriptedSource(original), {
    destination,
    mapStore: new FailingStore(),
    noHydration: true,
  });
  await clone.flush();
  isFailing = true;
  await clone.hydrate();
  assert.is((await failure(clone.hydrated())).code, "DESTINATION_FULL");
  assert.equal(named, []);
  isFailing = false;
  clone.resume();
  await clone.hydrated();
  assert.equal(named, [true]);
});

test("a pause begins nothing new", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source);
  clone.pause();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(source.calls, 0);
  assert.equal(await clone.read(3, 5), original.subarray(3, 8));
  clone.resume();
  await clone.hydrated();
});

test("a byte rate holds the background and spares who waits", async () => {
  const source = new ScriptedSource(original, { pieces: [REGION] });
  await using clone = await open(source, { bytesPerSecond: REGION });
  const whole = await clone.read(0, SIZE); // would take 20 seconds at that rate
  assert.equal(whole, original);
});

test("close ends every wait, and leaves nothing in flight", async () => {
  const source = new ScriptedSource(original, { fault: () => ({ kind: "stalls", after: 0 }) });
  const clone = await open(source);
  const waits = [clone.read(0, 10), clone.hydrated(), clone.hydrate()];
  const settled = Promise.allSettled(waits);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await clone.close();
  for (const result of await settled) {
    assert.is(result.status, "rejected");
    if (result.status === "rejected") assert.is(result.reason.code, "CLOSED");
  }
  assert.is(clone.status().hydratingCount, 0);
  await clone.close();
});

test("progress ends at the whole", async () => {
  await using clone = await open(new ScriptedSource(original, { pieces: [REGION] }));
  const seen: number[] = [];
  for await (const { percent } of clone.progress({ intervalMs: 1 })) seen.push(percent);
  assert.is(seen.at(-1), 100);
  assert.equal(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

test("progress of ranges counts each byte once, and ends when they are here", async () => {
  const source = new ScriptedSource(original, { pieces: [REGION] });
  await using clone = await open(source, { noHydration: true, readAround: 0 });
  const ranges = [
    { offset: 3 * REGION, length: REGION },
    { offset: 100, length: REGION },
    { offset: 10, length: REGION },
    { offset: original.length - 5, length: 1000 },
  ];
  const reports = clone.progress({ intervalMs: 1, ranges });
  const first = await reports.next();
  assert.is(first.value?.size, REGION + REGION + 90 + 5);
  assert.is(first.value?.percent, 0);
  const hydrated = clone.hydrate({ ranges });
  let last = first.value;
  for await (const report of reports) last = report;
  assert.is(last?.percent, 100);
  assert.is(last?.state, "off");
  await hydrated;
  assert.is(clone.status().hydratedCount, 4);
});

test.run();
