import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import {
  Clone,
  type CloneOptions,
  type ErrorPolicy,
  HeadwaterError,
  type HydrationState,
} from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { failure } from "./rejection.ts";

const test = suite("error policies");

const REGION = 4096;
const REGIONS = 12;
const SIZE = REGIONS * REGION;
const BAD = 5 * REGION;
const original = patternBytes(SIZE);
const quick = { backoffMs: 1, maxBackoffMs: 4 };

/** A source with one bad region, until it is mended. */
class WornSource extends ScriptedSource {
  isBad = true;

  constructor(retryable: boolean) {
    super(original, {
      pieces: [REGION],
      fault: (_, offset) => {
        if (!this.isBad || offset > BAD) return undefined;
        const after = BAD - offset;
        return after === 0 ? { kind: "fails", retryable } : { kind: "breaks", after };
      },
    });
  }
}

/** A destination that takes nothing in one region, until it is mended. */
class WornDestination extends MemoryDevice {
  isBad = true;
  readonly #error: HeadwaterError;

  constructor(error: HeadwaterError) {
    super(SIZE);
    this.#error = error;
  }

  override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.isBad && offset <= BAD && BAD < offset + length) throw this.#error;
    await super.write(offset, pieces);
  }
}

function open(options: Partial<CloneOptions> & Pick<CloneOptions, "source">): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  const one = { hydrationBatchSize: 1, regionSize: REGION, retries: quick };
  return Clone.open({ destination, ...one, ...options });
}

const bad = new HeadwaterError("DESTINATION_FAILED", "a bad block");
const full = new HeadwaterError("DESTINATION_FULL", "no space left");

/** What each policy makes of an error of the source that a later try could mend. */
const OF_SOURCE: Readonly<Record<ErrorPolicy, HydrationState>> = {
  report: "stalled",
  ignore: "stalled",
  stop: "paused",
  enospc: "stalled",
};

for (const [policy, state] of Object.entries(OF_SOURCE) as [ErrorPolicy, HydrationState][]) {
  test(`${policy} for the source ends as ${state} with one bad region, and can go on`, async () => {
    const source = new WornSource(true);
    await using clone = await open({ source, errorPolicies: { source: policy } });
    const error = await failure(clone.hydrated());
    assert.is(error.code, policy === "ignore" ? "STALLED" : "SOURCE_FAILED");
    const { hydration, hydratedCount, quarantined } = clone.status();
    assert.is(hydration, state);
    assert.equal(quarantined, [{ offset: BAD, length: REGION }]);
    // It is left for later, and every other region was brought before hydration gave up.
    if (policy === "ignore") assert.is(hydratedCount, REGIONS - 1);
    source.isBad = false;
    clone.resume();
    await clone.hydrated();
  });
}

/** The same for the destination: a bad block, then a full disk. */
const OF_DESTINATION: Readonly<Record<ErrorPolicy, readonly [HydrationState, HydrationState]>> = {
  report: ["stalled", "stalled"],
  ignore: ["stalled", "stalled"],
  stop: ["paused", "paused"],
  enospc: ["stalled", "paused"],
};

for (const [policy, states] of Object.entries(OF_DESTINATION)) {
  for (const [index, error] of [bad, full].entries()) {
    const state = states[index];
    test(`${policy} for the destination makes of ${error.message}: ${state}`, async () => {
      const destination = new WornDestination(error);
      const source = new ScriptedSource(original, { pieces: [REGION] });
      const errorPolicies = { destination: policy as ErrorPolicy };
      await using clone = await open({ source, destination, errorPolicies });
      const { code } = await failure(clone.hydrated());
      assert.is(code, policy === "ignore" ? "STALLED" : error.code);
      const { hydration, hydratedCount } = clone.status();
      assert.is(hydration, state);
      if (policy === "ignore") assert.is(hydratedCount, REGIONS - 1);
      destination.isBad = false;
      clone.resume();
      await clone.hydrated();
      assert.equal(destination.bytes, original);
    });
  }
}

test("an error that no later try can mend ends as stalled even where it is to be ignored", async () => {
  await using clone = await open({ source: new WornSource(false) });
  assert.is((await failure(clone.hydrated())).code, "SOURCE_FAILED");
  assert.is(clone.status().hydration, "stalled");
});

test("a read reports its own error, whatever the policy", async () => {
  for (const policy of ["report", "ignore", "stop", "enospc"] as const) {
    const source = new WornSource(true);
    const errorPolicies = { source: policy };
    await using clone = await open({ source, errorPolicies, noHydration: true, readAround: 0 });
    assert.is((await failure(clone.read(BAD, 1))).code, "SOURCE_FAILED");
    assert.equal(await clone.read(BAD + REGION, 1), original.slice(BAD + REGION, BAD + REGION + 1));
  }
});

test("a policy that there is not is refused", async () => {
  const source = new ScriptedSource(original);
  const errorPolicies = { source: "panic" as ErrorPolicy };
  try {
    await open({ source, errorPolicies });
    assert.unreachable("it was taken");
  } catch (error) {
    assert.instance(error, RangeError);
  }
});

test.run();
