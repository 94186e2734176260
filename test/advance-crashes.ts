import fc from "fast-check";
import * as assert from "uvu/assert";
import { MemoryMapStore } from "../adapters/memory.ts";
import { Clone, HeadwaterError, type MapStore, type SourceDevice } from "../lib/index.ts";
import { CrashMapStore } from "./devices/crash-map-store.ts";
import { type DiskContent, GrowingDisk } from "./devices/growing-disk.ts";
import { History } from "./devices/history.ts";
import { Power } from "./devices/power.ts";
import { randomFrom } from "./devices/random.ts";
import { TestClock } from "./devices/test-clock.ts";
import { propertyRuns } from "./property-runs.ts";

const REGION = 4096;

/** A source of a version, made anew. */
export type SourceOf = (
  history: History,
  version: number,
  pause?: () => Promise<unknown>,
) => Promise<SourceDevice>;

/** Lives until the power is cut. */
async function live(
  history: History,
  versions: readonly number[],
  disk: GrowingDisk,
  mapStore: MapStore,
  pause: () => Promise<unknown>,
  sourceOf: SourceOf,
): Promise<void> {
  const clock = new TestClock(pause);
  const all = { destination: disk, mapStore, regionSize: REGION, readAround: 0, clock };
  const [first = 0, ...later] = versions;
  let clone: Clone | undefined;
  try {
    clone = await Clone.open({ ...all, source: await sourceOf(history, first, pause) });
    for (const version of later) {
      await clone.read(REGION, 3 * REGION);
      clock.tick();
      await clone.advance(await sourceOf(history, version, pause));
    }
    await clone.hydrated();
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
  }
  await clone?.close().catch(() => {});
}

/**
 * A copy goes on from version to version while the power is cut at any step. In the end the last
 * version comes of it, and each read on the way is of it.
 */
export async function survivesCrashes(
  first: Uint8Array,
  runs: number,
  sourceOf: SourceOf,
): Promise<void> {
  const size = fc.integer({ min: 1, max: 14 * REGION });
  const edit = fc.record({ offset: fc.nat(14 * REGION), length: fc.nat(2 * REGION) });
  const change = fc.record({ size, edits: fc.array(edit, { maxLength: 4 }) });
  const setup = fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    cuts: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 3 }),
    seed: fc.nat(),
  });
  const property = fc.asyncProperty(setup, async ({ changes, cuts, seed }) => {
    const history = new History(first);
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
      await live(history, versions, disk, mapStore, pause, sourceOf);
      content = disk.survivor(random);
      slots = mapStore.survivor(random);
      from = random(last + 1);
    }
    // Whatever was found, the last version comes of it, and each read on the way is of it.
    const disk = new GrowingDisk(content, new Power(), pause);
    const mapStore = new MemoryMapStore(slots);
    const source = await sourceOf(history, last);
    const all = { source, destination: disk, mapStore, regionSize: REGION };
    await using clone = await Clone.open({ ...all, clock: new TestClock(pause) });
    assert.equal(await clone.read(0, clone.size), history.versions[last]);
    await clone.hydrated();
    // Where nothing was stored before the crash it is a new copy, on a disk that may be larger.
    assert.equal(disk.bytes.slice(0, clone.size), history.versions[last]);
  });
  await fc.assert(property, propertyRuns(runs));
}
