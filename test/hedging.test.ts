import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { Hedging } from "../lib/hedging.ts";
import { Clone, type CloneOptions } from "../lib/index.ts";
import { startOrigin } from "./origin/client.ts";

const test = suite("hedging");

const REGION = 65_536;
const SIZE = 128 * REGION;
const origin = await startOrigin({ latencyMs: 10 });

test.after(() => origin.close());

/** A hedging that has seen so many first bytes of 10 ms. */
function seasoned(count = 200): Hedging {
  const hedging = new Hedging();
  for (let fetch = 0; fetch < count; fetch += 1) {
    hedging.begin();
    hedging.arrived(10);
  }
  return hedging;
}

/** A trial of eight second requests, of which so many came first. */
function tryOut(hedging: Hedging, wins: number): void {
  for (let trial = 0; trial < 8; trial += 1) hedging.decided(trial < wins);
}

test("what is late is found from what is usual, and not from a few", () => {
  assert.is(seasoned(39).begin(), undefined);
  assert.is(seasoned(40).begin(), 22.5);
  const hedging = seasoned(180);
  tryOut(hedging, 8);
  assert.is(hedging.begin(), 15);
  for (let fetch = 0; fetch < 20; fetch += 1) hedging.arrived(90);
  assert.is(hedging.begin(), 90);
});

test("second requests are at most a hundredth of the first, a twentieth where they come first", () => {
  for (const [wins, most] of [
    [4, 10],
    [8, 50],
  ] as const) {
    const hedging = seasoned();
    tryOut(hedging, wins);
    let made = 0;
    for (let fetch = 0; fetch < 1000; fetch += 1) {
      hedging.begin();
      if (hedging.take()) made += 1;
    }
    assert.ok(made > most / 2 && made <= most + 2, `${made} second requests`);
  }
});

test("it rests where second requests do not come first, longer each time, and tries again", () => {
  const hedging = seasoned();
  const restAfter = (wins: number): number => {
    tryOut(hedging, wins);
    let rest = 0;
    while (hedging.begin() === undefined) rest += 1;
    return rest;
  };
  assert.is(restAfter(8), 0);
  assert.is(restAfter(0), 0); // sparing after that
  assert.is(restAfter(1), 999);
  assert.is(restAfter(0), 1999);
  assert.is(restAfter(3), 0);
  assert.is(restAfter(0), 999);
});

interface Opened extends AsyncDisposable {
  readonly clone: Clone;
  /** Reads so many regions that are not local, one after the other. */
  read(count: number): Promise<void>;
}

async function open(path: string, options: Partial<CloneOptions> = {}): Promise<Opened> {
  const source = await http(origin.url(`${path}?size=${SIZE}&seed=7`)).open();
  const destination = new MemoryDevice(SIZE);
  const clone = await Clone.open({
    source,
    destination,
    noHydration: true,
    hedge: true,
    ...options,
  });
  let region = 2;
  return {
    clone,
    read: async (count) => {
      for (const end = region + count; region < end; region += 1) {
        const bytes = await clone.read(region * REGION, REGION, { exact: true });
        assert.equal(bytes, origin.bytes(7, region * REGION, REGION));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await clone.close();
      await source.close();
    },
  };
}

test("a reader does not wait for an answer that never comes, and nothing is counted twice", async () => {
  await using opened = await open("/mute");
  await opened.read(45);
  await origin.set("/mute", { silence: "stall", times: 1 });
  await opened.read(1);
  const { hedge, retry, demand, requests, landedBytes } = {
    ...opened.clone.stats(),
    landedBytes: 48 * REGION,
  };
  assert.ok(hedge.requests >= 1, `${hedge.requests} second requests`);
  assert.is(retry.requests, 0);
  assert.is(requests, demand.requests + hedge.requests);
  assert.is((await origin.counts("/mute")).requests, requests);
  assert.ok(opened.clone.stats().bytesFetched >= landedBytes);
});

test("where the second request fails, the first one is waited for", async () => {
  await using opened = await open("/second");
  await opened.read(45);
  await origin.set("/second", { silence: "reset", skip: 1 }, { latencyMs: 300, times: 1 });
  await opened.read(1);
  const { hedge, retry } = opened.clone.stats();
  assert.ok(hedge.requests >= 1, `${hedge.requests} second requests`);
  assert.is(retry.requests, 0);
});

test("it can be switched off", async () => {
  await using opened = await open("/off", { hedge: false });
  await opened.read(45);
  await origin.set("/off", { latencyMs: 300, times: 1 });
  await opened.read(1);
  assert.is(opened.clone.stats().hedge.requests, 0);
});

test("what nobody waits for is not asked for twice, nor what the limits do not allow", async () => {
  await using opened = await open("/limit", { maxRequests: 60 });
  await opened.read(45);
  const spent = opened.clone.stats().requests;
  opened.clone.configure({ maxRequests: spent + 1 });
  await origin.set("/limit", { latencyMs: 300, times: 1 });
  await opened.read(1);
  assert.is(opened.clone.stats().requests, spent + 1);
  opened.clone.configure({ maxRequests: spent + 10 });
  await origin.set("/limit", { latencyMs: 300, times: 1 });
  opened.clone.prefetch([{ offset: 100 * REGION, length: REGION }]);
  while (!opened.clone.hydratedBytesIn(100 * REGION, REGION)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.is(opened.clone.stats().requests, spent + 2);
});

test.run();
