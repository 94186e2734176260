import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, HeadwaterError } from "../lib/index.ts";
import { CrashMapStore } from "./devices/crash-map-store.ts";
import { type DiskContent, GrowingDisk } from "./devices/growing-disk.ts";
import { Power } from "./devices/power.ts";
import { randomFrom } from "./devices/random.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";
import { propertyRuns } from "./property-runs.ts";
import { rejection } from "./rejection.ts";

const test = suite("resize");

const REGION = 4096;
const SIZE = 6 * REGION + 100;
const original = patternBytes(SIZE);

function open(options: Partial<CloneOptions> = {}): Promise<Clone> {
  const source = new ScriptedSource(original);
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ source, destination, regionSize: REGION, readAround: 0, ...options });
}

/** What the bytes are after another size. */
function resized(bytes: Uint8Array, size: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(bytes.subarray(0, size));
  return next;
}

test("past its former end a clone reads as zeros, and nothing of that is fetched", async () => {
  const source = new ScriptedSource(original);
  const destination = new MemoryDevice(SIZE);
  await using clone = await open({ source, destination, noHydration: true });
  await clone.resize(SIZE + 3 * REGION);
  assert.is(clone.size, SIZE + 3 * REGION);
  assert.is(clone.status().sourceSize, SIZE);
  assert.is(source.servedBytes, 100, "the region in which it ended is local now");
  assert.equal(await clone.read(SIZE - 100, 500), resized(original.slice(-100), 500));
  assert.is(source.servedBytes, 100);
  const bytes = patternBytes(2 * REGION, 3);
  await clone.write(SIZE + 10, bytes);
  await clone.hydrate();
  const expected = resized(original, SIZE + 3 * REGION);
  expected.set(bytes, SIZE + 10);
  await clone.hydrated();
  assert.equal(destination.bytes, expected);
  assert.ok(source.served.every((count) => count === 1));
});

test("what was cut off is gone: grown again it reads as zeros", async () => {
  const source = new ScriptedSource(original);
  const destination = new MemoryDevice(SIZE);
  await using clone = await open({ source, destination, noHydration: true });
  await clone.resize(2 * REGION + 50);
  assert.is((await clone.read(2 * REGION, 1000)).length, 50);
  await clone.resize(4 * REGION);
  const expected = resized(original.slice(0, 2 * REGION + 50), 4 * REGION);
  assert.equal(await clone.read(0, 10 * REGION), expected);
  await clone.hydrate();
  await clone.hydrated();
  assert.equal(destination.bytes, expected);
  assert.equal([...clone.written()], [{ offset: 2 * REGION, length: 2 * REGION }]);
});

test("a finished copy can still change its size", async () => {
  const destination = new MemoryDevice(SIZE);
  const mapStore = new MemoryMapStore();
  const clone = await open({ destination, mapStore });
  await clone.hydrated();
  await clone.resize(SIZE + 10);
  await clone.resize(REGION);
  await clone.resize(2 * REGION);
  await clone.close();
  await using again = await open({ destination, mapStore });
  assert.is(again.size, 2 * REGION);
  assert.is(again.status().hydration, "complete");
  assert.equal(await again.read(0, SIZE), resized(original.slice(0, REGION), 2 * REGION));
});

test("a size that cannot be is refused, and changes nothing", async () => {
  await using clone = await open({ noHydration: true });
  for (const size of [-1, 1.5, Number.NaN, 2 ** 44]) {
    assert.instance(await rejection(clone.resize(size)), RangeError);
  }
  assert.is(clone.size, SIZE);
  assert.not(clone.status().written);
});

test("who decides when a copy is finished can write to it until then", async () => {
  let mayFinish = (): void => {};
  const finishing = (): Promise<void> =>
    new Promise((resolve) => {
      mayFinish = resolve;
    });
  const destination = new MemoryDevice(SIZE);
  const clone = await open({ destination, finishing });
  const local = new Set<number>();
  clone.on("local", ({ offset }) => local.add(offset));
  await clone.hydrate();
  assert.is(clone.status().hydratedCount, 7);
  assert.is(clone.status().hydration, "running");
  const end = await clone.suspend(); // nothing that it waits for
  end();
  await clone.write(0, new Uint8Array(10));
  await clone.resize(SIZE + REGION);
  const whole = clone.hydrated();
  mayFinish();
  await whole;
  assert.is(clone.status().hydration, "complete");
  assert.is(destination.size, SIZE + REGION);
  await clone.close();

  const waiting = await open({ finishing });
  await waiting.hydrate();
  await waiting.close(); // though nobody said that it may finish
});

interface Step {
  readonly kind: "write" | "resize" | "flush" | "read";
  readonly offset: number;
  readonly length: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("write", "resize", "flush", "read"),
  offset: fc.nat(9 * REGION),
  length: fc.nat(2 * REGION),
});

test("whatever is written, and however long it becomes, it is one array", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 14 }),
    fc.scheduler(),
    async (steps, scheduler) => {
      const pause = (): Promise<unknown> => scheduler.schedule(Promise.resolve());
      const source = new ScriptedSource(original, { pieces: [3000], pause });
      const destination = new MemoryDevice(SIZE, { pause });
      const clock = new TestClock(pause);
      const clone = await scheduler.waitFor(open({ source, destination, clock }));
      let model: Uint8Array = original.slice();
      const user = async (): Promise<void> => {
        for (const { kind, offset, length } of steps) {
          if (kind === "resize") {
            await clone.resize(offset);
            model = resized(model, offset);
          } else if (kind === "flush") await clone.flush();
          else if (offset + length <= model.length && kind === "write") {
            const bytes = patternBytes(length, offset);
            await clone.write(offset, bytes);
            model.set(bytes, offset);
          }
          assert.equal(await clone.read(offset, length), model.slice(offset, offset + length));
          assert.is(clone.size, model.length);
        }
      };
      await scheduler.waitFor(Promise.all([user(), clone.hydrate()]));
      await scheduler.waitFor(clone.hydrated());
      assert.equal(destination.bytes, model);
      assert.ok(
        source.served.every((count) => count <= 1) || steps.some((s) => s.kind === "resize"),
      );
      await scheduler.waitFor(clone.close());
    },
  );
  await fc.assert(property, propertyRuns(150));
});

/** What a life came to: the last state that was flushed, and those after it. */
interface Past {
  flushed: Uint8Array;
  since: Uint8Array[];
}

async function live(
  steps: readonly Step[],
  past: Past,
  disk: GrowingDisk,
  mapStore: CrashMapStore,
  pause: () => Promise<unknown>,
): Promise<void> {
  const source = new ScriptedSource(original, { pieces: [3000], pause });
  const clock = new TestClock(pause);
  const all = { source, destination: disk, mapStore, regionSize: REGION, readAround: 0, clock };
  let clone: Clone | undefined;
  try {
    clone = await Clone.open(all);
    let model: Uint8Array = past.flushed.slice();
    for (const { kind, offset, length } of steps) {
      if (kind === "resize") {
        model = resized(model, offset);
        past.since.push(model.slice());
        await clone.resize(offset);
      } else if (kind === "flush") {
        await clone.flush();
        past.flushed = model.slice();
        past.since = [];
      } else if (kind === "read") {
        assert.equal(await clone.read(offset, length), model.slice(offset, offset + length));
      } else if (offset + length <= model.length) {
        const bytes = patternBytes(length, offset);
        model.set(bytes, offset);
        past.since.push(model.slice());
        await clone.write(offset, bytes);
      }
    }
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
  }
  await clone?.close().catch(() => {});
}

/** Each sector is as it was flushed, or as something later left it; the size too. */
function assertPossible(found: Uint8Array, { flushed, since }: Past): void {
  const states = [flushed, ...since];
  assert.ok(
    states.some(({ length }) => length === found.length),
    `a size of ${found.length}`,
  );
  for (let at = 0; at < found.length; at += 512) {
    const sector = found.subarray(at, at + 512);
    const isOf = (state: Uint8Array): boolean => {
      const part = resized(state.subarray(at, at + 512), sector.length);
      return Buffer.compare(sector, part) === 0;
    };
    if (!states.some(isOf)) assert.unreachable(`the sector at ${at} is of no state`);
  }
}

test("a crash at any step leaves what was flushed, and a size that it had", async () => {
  const setup = fc.record({
    lives: fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
    cuts: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 3, maxLength: 3 }),
    seed: fc.nat(),
  });
  const property = fc.asyncProperty(setup, async ({ lives, cuts, seed }) => {
    const random = randomFrom(seed);
    const pause = (): Promise<void> => new Promise((done) => setImmediate(done));
    let content: DiskContent = { bytes: new Uint8Array(14 * REGION).fill(0xa6), size: SIZE };
    let slots: readonly [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()];
    let flushed: Uint8Array = original.slice();
    for (const [index, steps] of lives.entries()) {
      const power = new Power(cuts[index]);
      const disk = new GrowingDisk(content, power, pause);
      const mapStore = new CrashMapStore(slots, power, pause);
      const past: Past = { flushed, since: [] };
      await live(steps, past, disk, mapStore, pause);
      content = disk.survivor(random);
      slots = mapStore.survivor(random);

      const again = new GrowingDisk(content, new Power(), pause);
      const store = new CrashMapStore(slots, new Power(), pause);
      const clone = await Clone.open({
        source: new ScriptedSource(original),
        destination: again,
        mapStore: store,
        regionSize: REGION,
        noHydration: true,
        clock: new TestClock(pause),
      });
      const found = await clone.read(0, clone.size);
      assertPossible(found, past);
      await clone.flush();
      await clone.close();
      flushed = found;
      content = again.survivor(random);
      slots = store.survivor(random);
    }
  });
  await fc.assert(property, propertyRuns(150));
});

test.run();
