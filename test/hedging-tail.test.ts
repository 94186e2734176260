import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { Clone, type SourceDevice } from "../lib/index.ts";
import { withOwnGlobals } from "./simulation/own-globals.ts";
import { Random } from "./simulation/random.ts";
import { Timeline } from "./simulation/timeline.ts";

const test = suite("hedging: the tail, in simulated time");

const REGION = 4096;
const READS = 6000;
const READERS = 4;

/** Milliseconds to the first byte of a request. */
type Latency = (random: Random) => number;

/** About 20 ms, a tenth more or less. */
const even: Latency = (random) => 18 + 4 * random.fraction();
/** As many as half of the mean, or three times it. */
const uneven: Latency = (random) => -20 * Math.log(1 - random.fraction());
/** One in 200 takes twelve times as long. */
const late: Latency = (random) => even(random) * (random.chance(0.005) ? 12 : 1);

interface Found {
  readonly requests: number;
  /** Milliseconds that one read of 1000 exceeds. */
  readonly tail: number;
}

/** Reads every region of a blob once, each from its source. */
async function readAll(latency: Latency, hedge: boolean): Promise<Found> {
  const clock = new Timeline();
  const uncaught = (error: unknown): never => {
    throw error;
  };
  const work = (): Promise<Found> => readIn(clock, latency, hedge);
  return withOwnGlobals(new Random(4), () => clock, uncaught, work);
}

async function readIn(clock: Timeline, latency: Latency, hedge: boolean): Promise<Found> {
  const random = new Random(5);
  const bytes = new Uint8Array(REGION);
  const source: SourceDevice = {
    size: READS * REGION,
    identity: "late now and then",
    read: async (_, length, { signal } = {}) => {
      await clock.sleep(latency(random), signal);
      return bytes.slice(0, length);
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const destination = new MemoryDevice(READS * REGION);
  const options = { source, destination, clock, hedge, regionSize: REGION, noHydration: true };
  const clone = await Clone.open(options);
  const times: number[] = [];
  const regions = Array.from({ length: READS }, (_, region) => region).values();
  const read = async (): Promise<void> => {
    for (const region of regions) {
      const start = clock.now();
      await clone.read(region * REGION, REGION, { exact: true });
      times.push(clock.now() - start);
    }
  };
  await clock.run(Promise.all(Array.from({ length: READERS }, read)));
  const { requests } = clone.stats();
  await clock.run(clone.close());
  times.sort((one, other) => one - other);
  return { requests, tail: times[Math.floor(READS * 0.999)] ?? 0 };
}

test("of an origin late now and then the tail is three times shorter, for 5 % more requests", async () => {
  const hedged = await readAll(late, true);
  const plain = await readAll(late, false);
  assert.is(plain.requests, READS);
  assert.ok(plain.tail > 3 * hedged.tail, `${plain.tail} ms became ${hedged.tail} ms`);
  assert.ok(hedged.requests <= 1.05 * READS, `${hedged.requests} requests for ${READS}`);
});

test("where no answer is late it costs at most 1 % more requests", async () => {
  const { requests } = await readAll(even, true);
  assert.ok(requests <= 1.01 * READS, `${requests} requests for ${READS}`);
});

test("where answers are merely uneven it costs at most 5 % more, and shortens the tail", async () => {
  const hedged = await readAll(uneven, true);
  const plain = await readAll(uneven, false);
  assert.ok(hedged.requests <= 1.05 * READS, `${hedged.requests} requests for ${READS}`);
  assert.ok(hedged.tail <= plain.tail, `${plain.tail} ms became ${hedged.tail} ms`);
});

test.run();
