import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { Clone } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";

const test = suite("leaving");

const REGION = 65_536;
const REGIONS = 256;
const SIZE = REGIONS * REGION;
/** The regions of the fetch that a reader takes the end of: 32 of them, after 4 fetches like it. */
const FIRST = 128;
const END = 160;
const PIECE_MS = 5;
const original = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 9)) % 251);

/** A slow source of which each piece comes when it is told to, and takes a while by the clock. */
class SlowLink {
  readonly #turns: (() => void)[] = [];
  readonly clock = new TestClock(() => Promise.resolve());
  readonly starts: number[] = [];
  readonly source = new ScriptedSource(original, {
    pieces: [REGION],
    pause: () => new Promise<void>((resolve) => this.#turns.push(resolve)),
    fault: (_, offset) => {
      this.starts.push(offset / REGION);
      return undefined;
    },
  });

  /** Lets pieces come until `isOver`; fails when none is asked for any more. */
  async until(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      // Three turns for what follows by itself; more where a digest is made in another thread.
      for (let turn = 0; turn < 3 || (turn < 10_000 && this.#turns.length === 0); turn += 1) {
        await new Promise((done) => setImmediate(done));
        if (isOver()) return;
      }
      const next = this.#turns.shift();
      assert.ok(next !== undefined, "nothing is under way, and it is not over");
      this.clock.pass(PIECE_MS);
      next?.();
    }
  }
}

/** A clone whose background has become slow and far-reaching: a large fetch has just begun. */
async function behindLargeFetch(): Promise<{ link: SlowLink; clone: Clone }> {
  const link = new SlowLink();
  const { source, clock } = link;
  const destination = new MemoryDevice(SIZE);
  const sizes = { regionSize: REGION, readAround: 0, hydrationBatchSize: END - FIRST };
  const clone = await Clone.open({ source, destination, clock, ...sizes });
  await link.until(() => link.starts.includes(FIRST));
  return { link, clone };
}

test("a reader takes the end of a large background fetch, and no byte comes twice", async () => {
  const { link, clone } = await behindLargeFetch();
  let isServed = false;
  const last = (END - 1) * REGION;
  const read = clone.read(last + 10, 100).then((bytes) => {
    isServed = true;
    return bytes;
  });
  await link.until(() => isServed);
  assert.equal(await read, original.slice(last + 10, last + 110));
  assert.ok(link.starts.includes(END - 1), "it made no request of its own");
  assert.ok(clone.status().hydratedCount < END - 1, "it waited for the background");

  let isWhole = false;
  const whole = clone.hydrated().then(() => {
    isWhole = true;
  });
  await link.until(() => isWhole);
  await whole;
  assert.equal(await clone.read(0, SIZE), original);
  assert.ok(link.source.served.every((count) => count === 1));
  assert.is(clone.stats().abandonedBytes, 0);
  await clone.close();
});

test("what is written to the regions taken away stays written", async () => {
  const { link, clone } = await behindLargeFetch();
  let isServed = false;
  const read = clone.read((END - 2) * REGION, 1).then(() => {
    isServed = true;
  });
  const ours = new Uint8Array(REGION).fill(9);
  await clone.write((END - 1) * REGION, ours);
  await link.until(() => isServed);
  await read;
  let isWhole = false;
  const whole = clone.hydrated().then(() => {
    isWhole = true;
  });
  await link.until(() => isWhole);
  await whole;
  const expected = original.slice();
  expected.set(ours, (END - 1) * REGION);
  assert.equal(await clone.read(0, SIZE), expected);
  await clone.close();
});

test.run();
