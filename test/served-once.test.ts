import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { randomFrom } from "./devices/random.ts";
import { startOrigin } from "./origin/client.ts";

const test = suite("served once");

/** As many runs, each with another seed: set SEEDS for more. */
const SEEDS = Number(process.env.SEEDS ?? 5);
const SIZE = 12 * 2 ** 20 + 4321;
const READERS = 8;

test(`eight readers and the background take every byte once, in ${SEEDS} runs`, async () => {
  await using origin = await startOrigin();
  const folder = await mkdtemp(join(tmpdir(), "headwater-served-"));
  try {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const path = `/blob-${seed}`;
      const expected = origin.bytes(seed, 0, SIZE);
      const file = join(folder, String(seed));
      await using clone = await hydrate(origin.url(`${path}?size=${SIZE}&seed=${seed}`), file);
      let isDone = false;
      const random = randomFrom(seed);
      const reader = async (): Promise<void> => {
        while (!isDone) {
          const offset = random(SIZE);
          const length = 1 + random(20_000);
          const bytes = await clone.read(offset, length);
          if (Buffer.compare(bytes, expected.subarray(offset, offset + length)) !== 0) {
            throw new Error(`seed ${seed}: wrong bytes at ${offset}+${length}`);
          }
        }
      };
      const readers = Array.from({ length: READERS }, reader);
      await clone.hydrated();
      isDone = true;
      await Promise.all(readers);
      assert.is((await origin.counts(path)).bytes, SIZE, `seed ${seed}`);
      assert.is(clone.stats().amplification, 1);
      assert.is(Buffer.compare(await readFile(file), expected), 0);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
