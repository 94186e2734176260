import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions } from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { VirtualClock } from "./dm-clone/virtual-clock.ts";

// The kernel's hydrator works only while nobody reads: four readers held it to 5 of 65 regions.
const test = suite("readers and the hydrator");

const REGION = 4096;
const REGIONS = 256;
const SIZE = REGIONS * REGION;
const original = patternBytes(SIZE);
const READERS = 4;
const READ_MS = 1;
/** A region takes a millisecond to arrive, and those of one fetch land together. */
const BATCH = 8;
const LONGEST_MS = 4 * BATCH;

interface Progress {
  /** The longest time without a region from the background. */
  readonly standstillMs: number;
  /** The fewest reads that were under way at any time. */
  readonly fewestReads: number;
  readonly reads: number;
}

/** Four readers read again and again, at places of their own, until every region is here. */
async function readWhile(
  options: Partial<CloneOptions>,
  placeOf: (read: number) => number,
): Promise<Progress> {
  const clock = new VirtualClock();
  const pause = (): Promise<void> => clock.sleep(READ_MS);
  const clone = await Clone.open({
    source: new ScriptedSource(original, { pause, pieces: [REGION] }),
    destination: new MemoryDevice(new Uint8Array(SIZE), { pause }),
    regionSize: REGION,
    hydrationBatchSize: BATCH,
    readAround: 0,
    clock,
    ...options,
  });
  let [reads, underWay, isOver, landedAt, standstillMs] = [0, 0, false, 0, 0];
  clone.on("landed", ({ class: by }) => {
    if (by !== "background") return;
    standstillMs = Math.max(standstillMs, clock.now() - landedAt);
    landedAt = clock.now();
  });
  const readers = Array.from({ length: READERS }, async () => {
    while (!isOver) {
      const offset = placeOf(reads);
      reads += 1;
      underWay += 1;
      const bytes = await clone.read(offset, 100);
      assert.equal(bytes, original.slice(offset, offset + 100));
      underWay -= 1;
    }
  });
  let fewestReads = READERS;
  for (let steps = 0; clone.status().hydration !== "complete"; steps += 1) {
    assert.ok(steps < 20 * REGIONS, "the hydrator does not come to the end");
    await clock.advance(1);
    if (clone.status().hydration !== "complete") fewestReads = Math.min(fewestReads, underWay);
  }
  isOver = true;
  const end = Promise.all(readers).then(() => clone.close());
  await clock.advance(10 * READ_MS);
  await end;
  return { standstillMs, fewestReads, reads };
}

const random = randomFrom(7);
const anywhere = (): number => random(SIZE - 100);
const kernelsWay = { copyOnRead: false, hydrationThreshold: 1, hydrationBatchSize: 1 };

const CASES: Readonly<Record<string, readonly [Partial<CloneOptions>, (read: number) => number]>> =
  {
    "of one region, as the kernel was asked": [kernelsWay, () => 0],
    "of everything, with nothing kept": [kernelsWay, anywhere],
    "of everything, with the usual options": [{}, anywhere],
    "from front to back": [{}, (read) => (read * 1000) % (SIZE - 100)],
  };

for (const [name, [options, placeOf]] of Object.entries(CASES)) {
  test(`four readers ${name} never bring the hydrator to a stand`, async () => {
    const { standstillMs, fewestReads, reads } = await readWhile(options, placeOf);
    assert.is(fewestReads, READERS);
    assert.ok(reads > READERS * 10, `${reads} reads`);
    assert.ok(standstillMs <= LONGEST_MS, `nothing came for ${standstillMs} ms`);
  });
}

test.run();
