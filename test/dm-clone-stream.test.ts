import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, type HydrationState } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { turn, VirtualClock } from "./dm-clone/virtual-clock.ts";
import { failure, rejection } from "./rejection.ts";

// What QEMU's test 030 asks of block-stream, as far as no other file does: errors and their
// policies, the full disk and single ranges are in error-policies.test.ts and hydration.test.ts.
const test = suite("as in block-stream");

const REGION = 4096;
const REGIONS = 64;
const SIZE = REGIONS * REGION;
const original = patternBytes(SIZE);

interface Streaming {
  readonly clone: Clone;
  readonly source: ScriptedSource;
  readonly destination: MemoryDevice;
  readonly clock: VirtualClock;
}

/** A source that takes a millisecond for a region. */
async function stream(options: Partial<CloneOptions> = {}): Promise<Streaming> {
  const clock = new VirtualClock();
  const pause = (): Promise<void> => clock.sleep(1);
  const source = new ScriptedSource(original, { pause, pieces: [REGION] });
  const destination = new MemoryDevice(SIZE);
  const mapStore = new MemoryMapStore();
  const one = { hydrationThreshold: 1, hydrationBatchSize: 1, regionSize: REGION };
  const all = { source, destination, mapStore, clock, ...one, ...options };
  return { clone: await Clone.open(all), source, destination, clock };
}

/** Lets time pass until it is so. */
async function until({ clock }: Streaming, isSo: () => boolean): Promise<void> {
  for (let steps = 0; !isSo(); steps += 1) {
    if (steps > 100_000) throw new Error("it does not come about");
    await (steps % 10 === 0 ? clock.advance(1) : turn());
  }
}

const hydrated = ({ clone }: Streaming): number => clone.status().hydratedCount;
const isComplete = ({ clone }: Streaming): boolean => clone.status().hydration === "complete";

test("a copy that is complete is hydrated without a request", async () => {
  const streaming = await stream();
  await until(streaming, () => isComplete(streaming));
  const { source, clone } = streaming;
  const { calls } = source;
  await clone.hydrate();
  await clone.hydrated();
  clone.resume();
  await turn();
  assert.is(source.calls, calls);
  await clone.close();
});

test("a pause keeps hydration where it is, however long", async () => {
  const streaming = await stream();
  await until(streaming, () => hydrated(streaming) >= 10);
  streaming.clone.pause();
  await until(streaming, () => streaming.clone.status().hydratingCount === 0);
  const count = hydrated(streaming);
  await streaming.clock.advance(60_000);
  assert.is(hydrated(streaming), count);
  assert.is(streaming.clone.status().hydration, "paused");
  streaming.clone.resume();
  await until(streaming, () => isComplete(streaming));
  assert.equal(streaming.destination.bytes, original);
  await streaming.clone.close();
});

test("many clones of one source at once, each of them whole", async () => {
  const source = new ScriptedSource(original, { pause: turn, pieces: [REGION] });
  const all = await Promise.all(
    Array.from({ length: 8 }, () => stream({ source, hydrationThreshold: 4 })),
  );
  for (const streaming of all) await until(streaming, () => isComplete(streaming));
  for (const { destination, clone } of all) {
    assert.equal(destination.bytes, original);
    await clone.close();
  }
  assert.is(source.servedBytes, 8 * SIZE);
});

test("one that is ended goes on where it was, when it is opened again", async () => {
  const mapStore = new MemoryMapStore();
  const first = await stream({ mapStore });
  await until(first, () => hydrated(first) >= 20);
  const waiting = failure(first.clone.hydrated());
  await first.clone.close();
  assert.is((await waiting).code, "CLOSED");
  const count = hydrated(first);
  const { destination } = first;
  const second = await stream({ mapStore, destination });
  assert.ok(hydrated(second) >= 20);
  await until(second, () => isComplete(second));
  assert.equal(destination.bytes, original);
  assert.is(second.source.servedBytes, (REGIONS - count) * REGION);
  await second.clone.close();
});

test("a call that is aborted before it begins turns nothing on", async () => {
  const { clone, clock } = await stream({ noHydration: true });
  const reason = new Error("never mind");
  const signal = AbortSignal.abort(reason);
  assert.is(await rejection(clone.hydrate({ signal })), reason);
  await clock.advance(100);
  assert.is(clone.status().hydration, "off");
  assert.is(clone.status().hydratedCount, 0);
  await clone.close();
});

test("a byte rate is kept, and another holds from then on", async () => {
  const streaming = await stream({ bytesPerSecond: 2 * REGION });
  const { clone, clock } = streaming;
  await clock.advance(10_000);
  const slow = hydrated(streaming);
  assert.ok(18 <= slow && slow <= 22, `${slow} regions in 10 s at 2 a second`);
  clone.configure({ bytesPerSecond: 10 * REGION });
  await clock.advance(2000);
  const more = hydrated(streaming) - slow;
  assert.ok(17 <= more && more <= 23, `${more} regions in 2 s at 10 a second`);
  clone.configure({ bytesPerSecond: 0 });
  await clock.advance(100);
  assert.ok(isComplete(streaming));
  await clone.close();
});

test("a byte rate is kept by a pass over the whole that began with the opening", async () => {
  const source = new ScriptedSource(original, { pieces: [REGION] });
  const opened = Object.assign(source, { opened: { offset: 0, length: SIZE } });
  const streaming = await stream({ source: opened, bytesPerSecond: 2 * REGION });
  const { clone, clock } = streaming;
  await clock.advance(10_000);
  const slow = source.servedBytes / REGION;
  assert.ok(18 <= slow && slow <= 22, `${slow} regions in 10 s at 2 a second`);
  const read = clone.read(SIZE - 10, 10);
  await clock.advance(10);
  assert.equal(await read, original.subarray(SIZE - 10), "what is read is exempt");
  assert.is(source.servedBytes, SIZE);
  await clone.close();
});

test("clones that start at once do not ask at once; what is named does not wait", async () => {
  const starts = new Set<number>();
  for (let clones = 0; clones < 12; clones += 1) {
    const streaming = await stream({ startJitterMs: 10_000 });
    const { clone, clock, source } = streaming;
    void clone.hydrate({ ranges: [{ offset: 20 * REGION, length: REGION }] });
    await clock.advance(5);
    assert.is(source.servedBytes, REGION, "only what was named");
    let second = 0;
    while (source.servedBytes === REGION && second < 11) {
      await clock.advance(1000);
      second += 1;
    }
    assert.ok(second <= 10, `${second} s`);
    starts.add(second);
    await until(streaming, () => isComplete(streaming));
    await clone.close();
  }
  assert.ok(starts.size > 2, [...starts].join());
});

test("a limit that is lifted is felt at once, and leaves nothing asleep", async () => {
  const streaming = await stream({ bytesPerSecond: 1 });
  const { clone, clock } = streaming;
  await clock.advance(1000);
  assert.ok(hydrated(streaming) <= 1); // the next one is an hour away
  clone.configure({ bytesPerSecond: 0 });
  await clock.advance(1000);
  assert.ok(isComplete(streaming));
  await clone.close();
  assert.is(clock.sleeping, 0);
});

test("a rate that cannot be is refused, and the one before stays", async () => {
  const { clone } = await stream({ bytesPerSecond: 5000 });
  for (const bytesPerSecond of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const configured = (async () => clone.configure({ bytesPerSecond }))();
    assert.instance(await rejection(configured), RangeError);
  }
  assert.is(clone.status().bytesPerSecond, 5000);
  await clone.close();
});

test("a copy is complete, paused or off, and says so", async () => {
  const states: HydrationState[] = [];
  const streaming = await stream({ noHydration: true });
  const { clone } = streaming;
  const look = (): number => states.push(clone.status().hydration);
  look();
  clone.hydrate().catch(() => {});
  look();
  clone.pause();
  look();
  clone.resume();
  await until(streaming, () => isComplete(streaming));
  look();
  assert.equal(states, ["off", "running", "paused", "complete"]);
  await clone.close();
});

test.run();
