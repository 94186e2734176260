import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { verified } from "../adapters/manifest/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type HeadwaterError } from "../lib/index.ts";
import { LIES, type Lie, LyingOrigin } from "./devices/lying-origin.ts";
import { randomFrom } from "./devices/random.ts";
import { TestClock } from "./devices/test-clock.ts";
import { BLOCK, make } from "./manifests.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("verified against lies");

const origin = new LyingOrigin(new Uint8Array(1));
const url = await origin.open();
test.after(() => origin[Symbol.asyncDispose]());

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

interface Trial {
  readonly size: number;
  readonly regionSize: number;
  /** How many of a hundred responses are lies, and of which kinds. */
  readonly percent: number;
  readonly kinds: readonly Lie[];
  readonly reads: readonly (readonly [offset: number, length: number])[];
  readonly copyOnRead: boolean;
  readonly seed: number;
}

const trials: fc.Arbitrary<Trial> = fc.record({
  size: fc.integer({ min: 1, max: 24 * BLOCK }),
  regionSize: fc.constantFrom(BLOCK, 2 * BLOCK, 4 * BLOCK),
  percent: fc.constantFrom(10, 30, 60, 100),
  kinds: fc.uniqueArray(fc.constantFrom(...LIES), { minLength: 1 }),
  reads: fc.array(fc.tuple(fc.nat(24 * BLOCK), fc.integer({ min: 1, max: 6 * BLOCK })), {
    maxLength: 6,
  }),
  copyOnRead: fc.boolean(),
  seed: fc.nat(),
});

/** The codes with which a read may fail while it is being lied to. */
const NAMED = ["DIGEST_MISMATCH", "SHORT_READ", "SOURCE_FAILED", "TIMEOUT", "STALLED"];

async function run(trial: Trial): Promise<void> {
  const { size, regionSize, percent, kinds, reads, copyOnRead, seed } = trial;
  const random = randomFrom(seed);
  const bytes = patternBytes(size, 1 + random(200));
  Object.assign(origin, { bytes, former: patternBytes(size, 201 + random(50)), random });
  origin.lie = () => (random(100) < percent ? kinds[random(kinds.length)] : undefined);
  const manifest = await make(bytes);
  const opener = verified(http(url, { head: BLOCK * (1 + random(3)) }), { manifest });
  const source = await opener.open().catch((error: HeadwaterError) => {
    if (!NAMED.includes(error.code)) throw error;
    const lie = origin.lie;
    origin.lie = () => undefined;
    return opener.open().finally(() => {
      origin.lie = lie;
    });
  });
  const destination = new MemoryDevice(new Uint8Array(size).fill(0xa6));
  const clock = new TestClock(turn);
  const retries = { demand: 1, stallAfter: 4 };
  const options = { source, destination, regionSize, copyOnRead, retries, clock };
  const clone = await Clone.open({ ...options, ownsSource: true });
  try {
    const checkHydrated = (): void => {
      for (const { offset, length, hydrated } of clone.hydratedRuns(0, size)) {
        if (!hydrated) continue;
        const here = Buffer.from(destination.bytes.subarray(offset, offset + length));
        assert.ok(here.equals(bytes.subarray(offset, offset + length)), `stored at ${offset}`);
      }
    };
    const read = async ([offset, length]: readonly [number, number]): Promise<void> => {
      try {
        const got = Buffer.from(await clone.read(offset, length));
        assert.ok(got.equals(bytes.subarray(offset, offset + length)), `read at ${offset}`);
      } catch (error) {
        if (!NAMED.includes((error as HeadwaterError).code)) throw error;
      }
      checkHydrated();
    };
    await Promise.all(reads.map(read));
    await clone.hydrated().catch((error: HeadwaterError) => {
      if (!NAMED.includes(error.code)) throw error;
    });
    checkHydrated();
    // From here on it tells the truth, and the whole arrives.
    origin.lie = () => undefined;
    clone.resume();
    await clone.hydrated();
    assert.ok(Buffer.from(destination.bytes).equals(bytes));
  } finally {
    await clone.close();
  }
}

// PROPERTY_RUNS=125 of these are 10 000.
test("whatever a server sends, no wrong byte is served or stored", async () => {
  await fc.assert(fc.asyncProperty(trials, run), { ...propertyRuns(80), timeout: 60_000 });
  assert.ok(origin.lies > 100, `${origin.lies} lies were told`);
});

test.run();
