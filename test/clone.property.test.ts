import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type HeadwaterErrorCode, isHeadwaterError } from "../lib/index.ts";
import { BLOBS, type Place, type Reading, type Setup, type Step, setups } from "./clone-setups.ts";
import { type Fault, ScriptedSource, withoutStream } from "./devices/scripted-source.ts";
import { SlowDestination } from "./devices/slow-destination.ts";
import { TestClock } from "./devices/test-clock.ts";
import { Model } from "./model.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("clone against an array");

/** Everything that one run needs. */
class Session {
  readonly source: ScriptedSource;
  readonly destination: SlowDestination;
  readonly clock: TestClock;
  readonly model: Model;
  /** How often each region came from the source. */
  readonly landed: Uint8Array;
  landedBytes = 0;
  readonly #schedule: <T>(work: Promise<T>) => Promise<T>;
  readonly #setup: Setup;
  readonly #later: Promise<unknown>[] = [];
  #hydratedCount = 0;

  constructor(setup: Setup, scheduler: fc.Scheduler) {
    const { original, regionSize } = BLOBS[setup.blob];
    const pause = async (): Promise<void> => {
      await scheduler.schedule(Promise.resolve());
      this.clock.pass(10);
    };
    this.#setup = setup;
    this.model = new Model(original);
    this.landed = new Uint8Array(Math.ceil(original.length / regionSize));
    this.#schedule = (work) => scheduler.waitFor(work);
    const { pieces, faults } = setup;
    const fault = (call: number): Fault | undefined => faults[call];
    this.source = new ScriptedSource(original.slice(), { pause, pieces, fault });
    this.destination = new SlowDestination(original.length, pause, setup.readsAtOnce);
    this.clock = new TestClock(pause);
  }

  async whole(): Promise<void> {
    const { streams, options, users, blob } = this.#setup;
    const { regionSize, original } = BLOBS[blob];
    const clone = await this.#schedule(
      Clone.open({
        source: streams ? this.source : withoutStream(this.source),
        destination: this.destination,
        mapStore: new MemoryMapStore(),
        regionSize,
        clock: this.clock,
        ...options,
      }),
    );
    clone.on("landed", ({ offset, length }) => {
      this.landedBytes += length;
      for (let at = offset; at < offset + length; at += regionSize) {
        this.landed[at / regionSize] = (this.landed[at / regionSize] ?? 0) + 1;
      }
    });
    await this.#schedule(Promise.all(users.map((steps) => this.#use(clone, steps))));

    await this.#schedule(this.#finish(clone));
    await this.#schedule(clone.hydrated());
    const all: Reading = { kind: "read", offset: 0, length: original.length + 1 };
    const answer = await this.#schedule(this.#read(clone, all));
    assert.equal(this.destination.bytes, answer, "the destination is not what was read");
    assert.is(clone.status().hydratedCount, clone.status().regionCount);
    const { bytesFetched, abandonedBytes } = clone.stats();
    assert.is(bytesFetched, this.source.servedBytes);
    // What a source that cannot stream had received when it was ended, nobody can count.
    const isCounted = options.copyOnRead === true && streams;
    if (isCounted) assert.is(bytesFetched, this.landedBytes + abandonedBytes);
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
    const { regionSize, original } = BLOBS[this.#setup.blob];
    const end = offset + length;
    const first = Math.ceil(offset / regionSize) * regionSize;
    const last = end === original.length ? end : Math.floor(end / regionSize) * regionSize;
    const acknowledge = this.model.begin(first, new Uint8Array(Math.max(0, last - first)));
    await clone.discard(offset, length);
    acknowledge();
  }

  async #read(clone: Clone, step: Reading): Promise<Uint8Array> {
    const { kind, offset, length } = step;
    const check = this.model.read(offset);
    const expected = Math.max(0, Math.min(length, this.destination.size - offset));
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

const some = { reading: 1, changing: 2 };

test("reads like one array, whatever is written while it hydrates", async () => {
  await holds(setups({ often: some }), 300, (run) => {
    assert.ok(Math.max(...run.source.served) <= 1, "a byte was asked for twice");
    assert.ok(Math.max(...run.landed) <= 1, "a region landed twice");
  });
});

test("reads like one array with nothing kept of what is read", async () => {
  await holds(setups({ often: some, copyOnRead: false }), 200);
});

test("reads like one array, or fails, where the source is faulty", async () => {
  await holds(setups({ often: some, maxFaults: 12 }), 300);
});

test("reads like one array where a fetch lands in parts", async () => {
  await holds(setups({ often: { reading: 4, changing: 1 }, blob: "large" }), 40);
});

test("asks for each byte once, whatever is read while it hydrates", async () => {
  await holds(setups({ often: { reading: 3, changing: 0 } }), 200, (run) => {
    assert.is(Math.min(...run.source.served), 1, "a byte was never asked for");
    assert.is(Math.max(...run.source.served), 1, "a byte was asked for twice");
  });
});

test.run();
