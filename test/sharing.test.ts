import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { Clone, type CloneOptions } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { rejection } from "./rejection.ts";

const test = suite("sharing");

const REGION = 4096;
const SIZE = 64 * REGION;
const original = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 8)) % 251);

/** A source that hands out one piece of a region each time that it is told to. */
class SteppedSource extends ScriptedSource {
  readonly turns: (() => void)[] = [];

  constructor() {
    const turns: (() => void)[] = [];
    const pause = () => new Promise<void>((resolve) => turns.push(resolve));
    super(original, { pause, pieces: [REGION] });
    this.turns = turns;
  }

  async step(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      this.turns.shift()?.();
      await settle();
    }
  }
}

function open(source: ScriptedSource, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  return Clone.open({
    source,
    destination,
    regionSize: REGION,
    noHydration: true,
    readAround: 0,
    ...options,
  });
}

test("readers of the same bytes share one request", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const reads = Array.from({ length: 10 }, (_, index) => clone.read(index, 100));
  await settle();
  assert.is(source.calls, 1);
  await source.step(1);
  for (const [index, read] of reads.entries()) {
    assert.equal(await read, original.slice(index, index + 100));
  }
  assert.is(source.servedBytes, REGION);
});

test("a region wakes its reader before the fetch is whole", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const large = clone.read(0, 8 * REGION);
  await settle();
  const small = clone.read(REGION + 1, 10);
  await source.step(2);
  assert.equal(await small, original.slice(REGION + 1, REGION + 11));
  await source.step(6);
  assert.equal(await large, original.slice(0, 8 * REGION));
  assert.is(source.calls, 1);
});

test("a read that overlaps what is under way fetches only the rest", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const first = clone.read(4 * REGION, 4 * REGION);
  await settle();
  const second = clone.read(0, 12 * REGION);
  await settle();
  assert.is(source.calls, 3);
  await source.step(12);
  assert.equal(await second, original.slice(0, 12 * REGION));
  await first;
  assert.is(source.servedBytes, 12 * REGION);
});

test("an abort ends one read, and harms no other", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const abort = new AbortController();
  const reason = new Error("not wanted any more");
  const aborted = rejection(clone.read(0, 100, { signal: abort.signal }));
  const other = clone.read(50, 100);
  await settle();
  abort.abort(reason);
  assert.is(await aborted, reason);
  await source.step(1);
  assert.equal(await other, original.slice(50, 150));
  assert.is(source.calls, 1);
});

test("a read that is aborted before it begins asks for nothing", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const signal = AbortSignal.abort(new Error("no"));
  assert.is(await rejection(clone.read(0, 100, { signal })), signal.reason);
  assert.is(source.calls, 0);
});

test("a small read takes its neighbours along, as far as they are missing", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { readAround: 4 * REGION });
  await clone.read(10 * REGION, 1);
  await settle();
  assert.is(clone.hydratedBytesIn(10 * REGION, 4 * REGION), 4 * REGION);
  await clone.read(8 * REGION, 1);
  await settle();
  assert.is(clone.status().hydratedCount, 6);
  await clone.read(SIZE - 1, 1);
  await settle();
  assert.is(clone.status().hydratedCount, 7);
});

test("a sequential reader finds the bytes ahead of it on their way", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source);
  await clone.read(0, REGION);
  await clone.read(REGION, REGION);
  for (let turn = 0; turn < 1000 && clone.status().hydratedCount <= 32; turn += 1) await settle();
  assert.ok(clone.status().hydratedCount > 32);
});

test("what opening brought from the middle of a region on serves who reads across its start", async () => {
  const opened = { offset: 60 * REGION - 100, length: 4 * REGION + 100 };
  const source = Object.assign(new ScriptedSource(original, { pieces: [1000] }), { opened });
  await using clone = await open(source);
  const across = clone.read(59 * REGION, 2 * REGION);
  const end = clone.read(SIZE - 4, 4);
  assert.equal(await across, original.slice(59 * REGION, 61 * REGION));
  assert.equal(await end, original.slice(SIZE - 4));
  assert.is(clone.stats().abandonedBytes, 100);
});

test("a read past the end is short, and one in a wrong place is refused", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source);
  assert.is((await clone.read(SIZE - 10, 100)).length, 10);
  assert.is((await clone.read(SIZE, 1)).length, 0);
  assert.is((await clone.read(SIZE + 5, 1)).length, 0);
  const target = new Uint8Array(100).fill(7);
  assert.is(await clone.readInto(SIZE - 10, target), 10);
  assert.is(target[10], 7);
  for (const [offset, length] of [[-1, 1] as const, [0.5, 1] as const, [0, -1] as const]) {
    assert.instance(await rejection(clone.read(offset, length)), RangeError);
  }
});

test("a read is served at once only where it is local", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source);
  const target = new Uint8Array(10);
  assert.is(clone.readIntoSync(0, target), undefined);
  await clone.hydrate({ ranges: [{ offset: 0, length: 1 }] });
  assert.is(clone.readIntoSync(5, target), 10);
  assert.equal(target, original.slice(5, 15));
  assert.is(clone.readIntoSync(REGION - 5, target), undefined);
});

test("a reader that finds everything local still lets others have their turn", async () => {
  await using clone = await open(new ScriptedSource(original));
  await clone.hydrate();
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, 0);
  let reads = 0;
  while (!isOver && reads < 1_000_000) {
    await clone.read(0, 10);
    reads += 1;
  }
  assert.ok(isOver);
});

test("without copy-on-read nothing is kept", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source, { copyOnRead: false });
  assert.equal(await clone.read(5, 10), original.slice(5, 15));
  assert.equal(await clone.read(5, 10), original.slice(5, 15));
  assert.is(clone.status().hydratedCount, 0);
  assert.is(source.servedBytes, 20);
});

test("a write that covers a region costs no read, and drops what still arrives", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const read = clone.read(0, 4 * REGION);
  await settle();
  const ours = new Uint8Array(REGION).fill(1);
  await clone.write(2 * REGION, ours);
  await source.step(4);
  const expected = original.slice(0, 4 * REGION);
  expected.set(ours, 2 * REGION);
  assert.equal(await read, expected);
  assert.is(clone.stats().abandonedBytes, REGION);
});

test("a discard during a copy, then a write: the late copy does not come back", async () => {
  const source = new SteppedSource();
  await using clone = await open(source);
  const read = clone.read(0, 2 * REGION);
  await settle();
  await clone.discard(0, REGION);
  assert.equal(await clone.read(0, REGION), new Uint8Array(REGION));
  await clone.write(10, Uint8Array.of(1, 2, 3));
  await clone.flush();
  await source.step(2);
  await read;
  const expected = new Uint8Array(REGION);
  expected.set([1, 2, 3], 10);
  assert.equal(await clone.read(0, REGION), expected);
});

test("a write to a part of a region keeps the rest of it", async () => {
  const source = new ScriptedSource(original);
  await using clone = await open(source);
  await clone.write(REGION - 2, Uint8Array.of(1, 2, 3, 4));
  const expected = original.slice(0, 2 * REGION);
  expected.set([1, 2, 3, 4], REGION - 2);
  assert.equal(await clone.read(0, 2 * REGION), expected);
  assert.is(clone.status().written, true);
});

/** Lets everything go on that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test.run();
