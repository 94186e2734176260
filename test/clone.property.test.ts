import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import {
  Clone,
  type CloneOptions,
  type HeadwaterErrorCode,
  isHeadwaterError,
} from "../lib/index.ts";
import { type Fault, ScriptedSource, withoutStream } from "./devices/scripted-source.ts";
import { SlowDestination } from "./devices/slow-destination.ts";
import { TestClock } from "./devices/test-clock.ts";
import { Model } from "./model.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("clone against an array");

const REGION_SIZE = 4096;
const SIZE = 9 * REGION_SIZE + 1000;
const ORIGINAL = patternBytes(SIZE);

interface Place {
  readonly offset: number;
  readonly length: number;
}

interface Reading extends Place {
  readonly kind: "read" | "readInto" | "readIntoSync" | "leave";
}

/** What a user does next. Places and lengths are within the size. */
type Step =
  | Reading
  | (Place & { readonly kind: "write"; readonly seed: number })
  | (Place & { readonly kind: "discard" })
  | (Place & { readonly kind: "hydrate" })
  | { readonly kind: "flush" }
  | { readonly kind: "pause" }
  | { readonly kind: "resume" }
  | { readonly kind: "tick" };

interface Setup {
  readonly users: readonly (readonly Step[])[];
  readonly options: Partial<CloneOptions>;
  readonly pieces: readonly number[];
  readonly streams: boolean;
  /** What goes wrong with the first calls of the source. */
  readonly faults: readonly (Fault | undefined)[];
  readonly readsAtOnce: boolean;
}

const place = fc
  .tuple(fc.nat(SIZE - 1), fc.nat(3 * REGION_SIZE), fc.nat(3))
  .map(([at, size, kind]) => {
    // Whole regions, ends of regions, the short tail: where mistakes live.
    const region = Math.floor(at / REGION_SIZE) * REGION_SIZE;
    const offset = kind === 0 ? at : region;
    const length = kind === 1 ? Math.ceil(size / REGION_SIZE) * REGION_SIZE : size;
    return { offset, length: kind === 3 ? SIZE - offset : Math.min(length, SIZE - offset) };
  });

const reading: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom("read", "readInto", "readIntoSync", "leave"), place)
  .map(([kind, { offset, length }]) => ({ kind, offset, length }) as Step);
const steering: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>({ kind: "flush" }, { kind: "pause" }, { kind: "resume" }, { kind: "tick" }),
  place.map(({ offset, length }) => ({ kind: "hydrate", offset, length }) as Step),
);
const changing: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(place, fc.nat(99)).map(([where, seed]) => ({ kind: "write", ...where, seed }) as Step),
  place.map(({ offset, length }) => ({ kind: "discard", offset, length }) as Step),
);

const after = fc.nat(2 * REGION_SIZE);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.boolean().map((retryable) => ({ kind: "fails", retryable }) as Fault),
  after.map((after) => ({ kind: "breaks", after }) as Fault),
  after.map((after) => ({ kind: "ends early", after }) as Fault),
);

function setups(
  step: fc.Arbitrary<Step>,
  options: Partial<CloneOptions> = {},
  maxFaults = 0,
): fc.Arbitrary<Setup> {
  return fc.record({
    faults: fc.array(fc.option(fault, { nil: undefined }), { maxLength: maxFaults }),
    users: fc.array(fc.array(step, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    options: fc.record({
      hydrationThreshold: fc.integer({ min: 1, max: 12 }),
      hydrationBatchSize: fc.integer({ min: 1, max: 6 }),
      readAround: fc.constantFrom(0, REGION_SIZE, 4 * REGION_SIZE),
      noHydration: fc.boolean(),
      ...Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, fc.constant(value)]),
      ),
    }),
    pieces: fc.array(fc.integer({ min: 700, max: 3 * REGION_SIZE }), {
      minLength: 1,
      maxLength: 4,
    }),
    streams: fc.boolean(),
    readsAtOnce: fc.boolean(),
  });
}

/** Everything that one run needs. */
class Session {
  readonly source: ScriptedSource;
  readonly destination: SlowDestination;
  readonly clock: TestClock;
  readonly model: Model = new Model(ORIGINAL);
  /** How often each region came from the source. */
  readonly landed: Uint8Array = new Uint8Array(Math.ceil(SIZE / REGION_SIZE));
  readonly #schedule: <T>(work: Promise<T>) => Promise<T>;
  readonly #setup: Setup;
  readonly #later: Promise<unknown>[] = [];
  #hydratedCount = 0;

  constructor(setup: Setup, scheduler: fc.Scheduler) {
    const pause = (): Promise<void> => scheduler.schedule(Promise.resolve());
    this.#setup = setup;
    this.#schedule = (work) => scheduler.waitFor(work);
    const { pieces, faults } = setup;
    const fault = (call: number): Fault | undefined => faults[call];
    this.source = new ScriptedSource(ORIGINAL.slice(), { pause, pieces, fault });
    this.destination = new SlowDestination(SIZE, pause, setup.readsAtOnce);
    this.clock = new TestClock(pause);
  }

  async whole(): Promise<void> {
    const { streams, options, users } = this.#setup;
    const clone = await this.#schedule(
      Clone.open({
        source: streams ? this.source : withoutStream(this.source),
        destination: this.destination,
        mapStore: new MemoryMapStore(),
        regionSize: REGION_SIZE,
        clock: this.clock,
        ...options,
      }),
    );
    clone.on("landed", ({ offset, length }) => {
      for (let at = offset; at < offset + length; at += REGION_SIZE) {
        this.landed[at / REGION_SIZE] = (this.landed[at / REGION_SIZE] ?? 0) + 1;
      }
    });
    await this.#schedule(Promise.all(users.map((steps) => this.#use(clone, steps))));

    await this.#schedule(this.#finish(clone));
    await this.#schedule(clone.hydrated());
    const all: Reading = { kind: "read", offset: 0, length: SIZE + 1 };
    const answer = await this.#schedule(this.#read(clone, all));
    assert.equal(this.destination.bytes, answer, "the destination is not what was read");
    assert.is(clone.status().hydratedCount, clone.status().regionCount);
    assert.is(clone.stats().bytesFetched, this.source.servedBytes);
    await this.#schedule(clone.close());
  }

  /** Every fault happens once, so hydration ends when it is resumed often enough. */
  async #finish(clone: Clone): Promise<void> {
    for (const _ of [...this.#setup.faults, "none is left"]) {
      clone.resume();
      await clone.hydrate().catch((error: unknown) => this.#excuse(error));
    }
    await Promise.all(this.#later);
  }

  async #use(clone: Clone, steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#step(clone, step).catch((error: unknown) => this.#excuse(error));
      const { hydratedCount } = clone.status();
      assert.ok(hydratedCount >= this.#hydratedCount, "fewer regions are hydrated than before");
      this.#hydratedCount = hydratedCount;
    }
  }

  /** What a faulty source may lead to. */
  #excuse(error: unknown): void {
    const codes: HeadwaterErrorCode[] = ["SOURCE_FAILED", "SHORT_READ", "STALLED"];
    const isExcused = codes.some((code) => isHeadwaterError(error, code));
    if (!isExcused || this.#setup.faults.length === 0) throw error;
  }

  async #step(clone: Clone, step: Step): Promise<void> {
    if (step.kind === "write") {
      const bytes = patternBytes(step.length, step.seed + 2);
      const acknowledge = this.model.begin(step.offset, bytes);
      await clone.write(step.offset, bytes);
      acknowledge();
    } else if (step.kind === "discard") await this.#discard(clone, step);
    else if (step.kind === "flush") await clone.flush();
    else if (step.kind === "tick") this.clock.tick();
    else if (step.kind === "pause") clone.pause();
    else if (step.kind === "resume") clone.resume();
    else if (step.kind === "hydrate") {
      const hydrated = clone.hydrate({ ranges: [step] });
      this.#later.push(hydrated.catch((error: unknown) => this.#excuse(error)));
    } else await this.#read(clone, step);
  }

  /** Only whole regions are discarded, and the short tail where the range reaches the end. */
  async #discard(clone: Clone, { offset, length }: Place): Promise<void> {
    const end = offset + length;
    const first = Math.ceil(offset / REGION_SIZE) * REGION_SIZE;
    const last = end === SIZE ? SIZE : Math.floor(end / REGION_SIZE) * REGION_SIZE;
    const acknowledge = this.model.begin(first, new Uint8Array(Math.max(0, last - first)));
    await clone.discard(offset, length);
    acknowledge();
  }

  async #read(clone: Clone, step: Reading): Promise<Uint8Array> {
    const { kind, offset, length } = step;
    const check = this.model.read(offset);
    const expected = Math.max(0, Math.min(length, SIZE - offset));
    let bytes = new Uint8Array(expected);
    if (kind === "read") bytes = new Uint8Array(await clone.read(offset, length));
    else if (kind === "readInto") assert.is(await clone.readInto(offset, bytes), expected);
    else if (kind === "readIntoSync") {
      const filled = clone.readIntoSync(offset, bytes);
      if (filled === undefined) return bytes;
      assert.is(filled, expected);
    } else {
      const controller = new AbortController();
      const read = clone.read(offset, length, { signal: controller.signal });
      controller.abort();
      const outcome = await read.catch((error: unknown) => error);
      if (!(outcome instanceof Uint8Array)) {
        assert.is(outcome, controller.signal.reason);
        return bytes;
      }
      bytes = new Uint8Array(outcome);
    }
    assert.is(bytes.length, expected);
    check(bytes, kind);
    return bytes;
  }
}

/** Checks every run of the users' steps, in every order in which the devices may answer. */
function holds(
  setup: fc.Arbitrary<Setup>,
  runs: number,
  afterwards: (run: Session) => void = () => {},
): Promise<void> {
  const property = fc.asyncProperty(setup, fc.scheduler(), async (setup, scheduler) => {
    const run = new Session(setup, scheduler);
    await run.whole();
    afterwards(run);
  });
  return fc.assert(property, propertyRuns(runs));
}

test("reads like one array, whatever is written while it hydrates", async () => {
  await holds(setups(fc.oneof(reading, changing, changing, steering)), 300, (run) => {
    assert.ok(Math.max(...run.source.served) <= 1, "a byte was asked for twice");
    assert.ok(Math.max(...run.landed) <= 1, "a region landed twice");
  });
});

test("reads like one array with nothing kept of what is read", async () => {
  const setup = setups(fc.oneof(reading, changing, steering), { copyOnRead: false });
  await holds(setup, 200, (run) => {
    assert.ok(Math.max(...run.landed) <= 1, "a region landed twice");
  });
});

test("reads like one array, or fails, where the source is faulty", async () => {
  await holds(setups(fc.oneof(reading, changing, steering), {}, 12), 300, (run) => {
    assert.ok(Math.max(...run.landed) <= 1, "a region landed twice");
  });
});

test("asks for each byte once, whatever is read while it hydrates", async () => {
  await holds(setups(fc.oneof(reading, reading, steering)), 200, (run) => {
    assert.is(Math.min(...run.source.served), 1, "a byte was never asked for");
    assert.is(Math.max(...run.source.served), 1, "a byte was asked for twice");
  });
});

test.run();
