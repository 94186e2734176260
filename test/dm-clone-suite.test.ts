import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import {
  Clone,
  type CloneOptions,
  type DestinationDevice,
  HeadwaterError,
  type MapSlot,
  type SourceDevice,
} from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import { TestClock } from "./devices/test-clock.ts";
import { failure, rejection } from "./rejection.ts";

// The checklist of the kernel's own tests of the clone target, as far as the traces lack it.
const test = suite("as in the tests of dm-clone");

const REGION = 4096;
const SIZE = 100 * REGION + 512;
const SECTOR = 512;

/** A store that counts what it was given, and refuses what it is told to. */
class Store extends MemoryMapStore {
  saves = 0;
  /** Which save, from 1, is refused; and with what. */
  refused: ((save: number) => HeadwaterError | undefined) | undefined;

  override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    this.saves += 1;
    const error = this.refused?.(this.saves);
    if (error !== undefined) throw error;
    await super.save(slot, bytes);
  }
}

/** Writes random bytes at random sectors, to so much of the whole. */
async function stamp(
  part: number,
  random: (count: number) => number,
  write: (offset: number, bytes: Uint8Array) => unknown,
): Promise<void> {
  for (let stamped = 0; stamped < part * SIZE; ) {
    const sectors = 1 + random(12);
    const offset = SECTOR * random(SIZE / SECTOR - sectors);
    const bytes = patternBytes(sectors * SECTOR, random(1000));
    await write(offset, bytes);
    stamped += bytes.length;
  }
}

for (const copyOnRead of [true, false]) {
  for (const noHydration of [true, false]) {
    test(`stamps hold: ${copyOnRead ? "kept" : "not kept"}, ${noHydration ? "later" : "while hydrating"}`, async () => {
      const random = randomFrom(3);
      const expected = patternBytes(SIZE);
      await stamp(0.2, random, (offset, bytes) => expected.set(bytes, offset));
      const origin = expected.slice();
      const source = new MemoryDevice(origin.slice(), { pause: () => new Promise(setImmediate) });
      const destination = new MemoryDevice(SIZE);
      const own = { hydrationThreshold: 2, hydrationBatchSize: 1, regionSize: REGION };
      const options = { source, destination, mapStore: new Store(), copyOnRead, noHydration };
      const clone = await Clone.open({ ...own, ...options });
      const verify = async (): Promise<void> => {
        assert.equal(source.bytes, origin, "the source");
        assert.equal(await clone.read(0, SIZE), expected, "the clone");
      };
      const both = async (offset: number, bytes: Uint8Array): Promise<void> => {
        expected.set(bytes, offset);
        await clone.write(offset, bytes);
      };
      await verify();
      await stamp(0.1, random, both);
      await verify();
      if (noHydration) clone.hydrate().catch(() => {});
      await clone.hydrated();
      await verify();
      await stamp(0.05, random, both);
      await verify();
      await clone.close();
      assert.equal(destination.bytes, expected, "the destination alone");
    });
  }
}

/** A device of any size that holds zeros and no bytes. */
function emptiness(size: number): SourceDevice & DestinationDevice {
  return {
    ...{ size, identity: "emptiness" },
    read: async (_, length) => new Uint8Array(length),
    readInto: async (_, target) => void target.fill(0),
    ...{ write: async () => {}, discard: async () => {}, flush: async () => {} },
    ...{ resize: async () => {}, close: async () => {} },
    [Symbol.asyncDispose]: async () => {},
  };
}

function openHuge(size: number, regionSize: number): Promise<Clone> {
  const [source, destination] = [emptiness(size), emptiness(size)];
  const mapStore = new Store();
  return Clone.open({ source, destination, mapStore, regionSize, noHydration: true });
}

test("2^31 regions are allowed, and not one more", async () => {
  const most = 2 ** 31 * REGION;
  const clone = await openHuge(most, REGION);
  assert.is(clone.status().regionCount, 2 ** 31);
  assert.equal(await clone.read(most - 10, 20), new Uint8Array(10));
  await clone.discard(most - REGION, REGION);
  await clone.flush();
  await clone.close();
  assert.instance(await rejection(openHuge(most + 1, REGION)), RangeError);
});

test("the largest region serves the largest blob", async () => {
  const size = 2 ** 50 + 1;
  const clone = await openHuge(size, 2 ** 30);
  await clone.write(size - 1, new Uint8Array(1)); // a whole region, of one byte
  assert.is(clone.status().hydratedCount, 1);
  assert.equal(await clone.read(size - 2, 9), new Uint8Array(2));
  await clone.close();
});

async function openPlain(mapStore: Store, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const source = new MemoryDevice(patternBytes(SIZE));
  const destination = new MemoryDevice(SIZE);
  const plain = { regionSize: REGION, noHydration: true, readAround: 0 };
  return Clone.open({ source, destination, mapStore, ...plain, ...options });
}

test("a flush stores the map where a region was written for the first time, and only then", async () => {
  const store = new Store();
  const clone = await openPlain(store);
  const saves: number[] = [];
  for (const offset of [0, 10, REGION - 1, REGION, 0]) {
    await clone.write(offset, new Uint8Array(1));
    const before = store.saves;
    await clone.flush();
    await clone.flush();
    saves.push(store.saves - before);
  }
  assert.equal(saves, [1, 0, 0, 1, 0]);
  await clone.close();
});

test("what was written is stored within a second, and nothing is while nothing is new", async () => {
  const store = new Store();
  const clock = new TestClock(() => Promise.resolve());
  const clone = await openPlain(store, { clock });
  const ticked = async (): Promise<number> => {
    const before = store.saves;
    clock.tick();
    await clone.flush(); // waits for the one that the tick began
    return store.saves - before;
  };
  await clone.write(0, new Uint8Array(1));
  assert.equal([await ticked(), await ticked(), await ticked()], [1, 0, 0]);
  await clone.write(REGION, new Uint8Array(REGION));
  assert.equal([await ticked(), await ticked()], [1, 0]);
  await clone.close();
});

const SAVES = 8; // at open, before the first write, and with each of six flushes

for (const code of ["DESTINATION_FULL", "DESTINATION_FAILED"] as const) {
  test(`${code} of any one save of the map is told, and loses nothing that was flushed`, async () => {
    for (let refused = 2; refused <= SAVES; refused += 1) {
      const store = new Store();
      const destination = new MemoryDevice(SIZE);
      store.refused = (save) =>
        save === refused ? new HeadwaterError(code, `save ${save}`) : undefined;
      const clone = await openPlain(store, { destination });
      const told: string[] = [];
      const flushed: number[] = [];
      const keep = async (region: number): Promise<void> => {
        await clone.write(region * REGION, patternBytes(REGION, region + 1));
        await clone.flush();
        flushed.push(region);
      };
      for (let region = 0; region < 6; region += 1) {
        try {
          await keep(region);
        } catch (error) {
          told.push((error as HeadwaterError).code);
          // A full disk may have room at once; of a broken one nobody knows what it lost.
          await keep(region).catch((again: HeadwaterError) => told.push(again.code));
        }
      }
      assert.is(told[0], code, `save ${refused}`);
      const isOver = code === "DESTINATION_FAILED";
      assert.is(told.length > 1, isOver);
      assert.ok(told.slice(1).every((other) => other === "READ_ONLY"));
      // As it would be found after a crash now.
      const again = await openPlain(new Store(await store.load()), { destination });
      for (const region of flushed) {
        const bytes = await again.read(region * REGION, REGION);
        assert.equal(bytes, patternBytes(REGION, region + 1), `save ${refused}, region ${region}`);
      }
      await again.close();
      await clone.close();
    }
  });
}

test("a source that has another size is refused, larger or smaller, and nothing is lost", async () => {
  const store = new Store();
  const clone = await openPlain(store);
  await clone.write(0, new Uint8Array(REGION));
  await clone.close();
  for (const size of [SIZE - SECTOR, SIZE + SECTOR]) {
    const source = new MemoryDevice(patternBytes(size));
    const destination = new MemoryDevice(size);
    const { code } = await failure(openPlain(store, { source, destination }));
    assert.is(code, "SOURCE_CHANGED");
  }
  const again = await openPlain(store, { regionSize: 8 * REGION });
  assert.is(again.regionSize, REGION);
  assert.is(again.status().hydratedCount, 1);
  await again.close();
});

test.run();
