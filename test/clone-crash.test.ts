import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, HeadwaterError } from "../lib/index.ts";
import { CrashDestination } from "./devices/crash-destination.ts";
import { CrashMapStore } from "./devices/crash-map-store.ts";
import { Power } from "./devices/power.ts";
import { randomFrom } from "./devices/random.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { SectorVersions } from "./devices/sector-versions.ts";
import { GARBAGE } from "./devices/slow-destination.ts";
import { TestClock } from "./devices/test-clock.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("clone after a crash");

const REGION_SIZE = 4096;
const SIZE = 9 * REGION_SIZE + 1000;
const ORIGINAL = patternBytes(SIZE);
/** So long that a stored map has several sectors, and can be torn. */
const IDENTITY = `scripted ${"x".repeat(1500)}`;

/** What the machine keeps while it is off. */
interface Disk {
  readonly bytes: Uint8Array;
  readonly slots: readonly [Uint8Array, Uint8Array];
  /** Whether a write or a discard was ever acknowledged. */
  readonly hasWrites: boolean;
}

const NEW_DISK: Disk = {
  bytes: new Uint8Array(SIZE).fill(GARBAGE),
  slots: [new Uint8Array(), new Uint8Array()],
  hasWrites: false,
};

interface Place {
  readonly offset: number;
  readonly length: number;
}

type Step =
  | (Place & { readonly kind: "write"; readonly seed: number })
  | (Place & { readonly kind: "discard" })
  | (Place & { readonly kind: "read" })
  | (Place & { readonly kind: "hydrate" })
  /** With or without waiting for it. */
  | { readonly kind: "flush" }
  | { readonly kind: "beginFlush" }
  | { readonly kind: "tick" };

/** The time between two crashes. */
interface Life {
  readonly steps: readonly Step[];
  /** The power is cut at this step of the devices, or at the end. */
  readonly cutAt: number;
  readonly seed: number;
  readonly options: Partial<CloneOptions>;
}

/** How the devices' operations are put in order. */
interface Order {
  pause(): Promise<unknown>;
  wait<T>(work: Promise<T>): Promise<T>;
}

/** One user of a clone, who knows what the disk may hold if the power fails now. */
class User {
  readonly promised: SectorVersions;
  readonly #clone: Clone;
  readonly #clock: TestClock;
  /** What was promised to be there, or written over, by this mark. */
  #acknowledged = 0;
  hasWrites = false;

  constructor(clone: Clone, clock: TestClock, promised: SectorVersions) {
    this.#clone = clone;
    this.#clock = clock;
    this.promised = promised;
  }

  async take(step: Step): Promise<void> {
    const { promised } = this;
    if (step.kind === "write") {
      const bytes = patternBytes(step.length, step.seed + 2);
      promised.write(step.offset, bytes);
      await this.#clone.write(step.offset, bytes);
      this.#acknowledge(bytes.length);
    } else if (step.kind === "discard") {
      const first = Math.ceil(step.offset / REGION_SIZE) * REGION_SIZE;
      const end = step.offset + step.length;
      const last = end === SIZE ? SIZE : Math.floor(end / REGION_SIZE) * REGION_SIZE;
      promised.write(first, new Uint8Array(Math.max(0, last - first)));
      await this.#clone.discard(step.offset, step.length);
      this.#acknowledge(last - first);
    } else if (step.kind === "read") {
      const read = await this.#clone.read(step.offset, step.length);
      const expected = promised.current.subarray(step.offset, step.offset + step.length);
      assert.ok(Buffer.compare(read, expected) === 0, `wrong bytes read at ${step.offset}`);
    } else if (step.kind === "hydrate")
      void this.#clone.hydrate({ ranges: [step] }).catch(() => {});
    else if (step.kind === "flush") await this.#flush();
    else if (step.kind === "beginFlush") void this.#flush().catch(() => {});
    else this.#clock.tick();
  }

  #acknowledge(length: number): void {
    this.#acknowledged = this.promised.mark();
    if (length > 0) this.hasWrites = true;
  }

  async #flush(): Promise<void> {
    const acknowledged = this.#acknowledged;
    await this.#clone.flush();
    this.promised.settle(acknowledged);
  }
}

/** Lives until the power is cut. Returns what is found on the disk then. */
async function live(disk: Disk, life: Life, promised: SectorVersions, order: Order): Promise<Disk> {
  const { pause } = order;
  const power = new Power(life.cutAt);
  const destination = new CrashDestination(disk.bytes, power, pause);
  const mapStore = new CrashMapStore(disk.slots, power, pause);
  const clock = new TestClock(pause);
  const source = new ScriptedSource(ORIGINAL.slice(), {
    pause,
    identity: IDENTITY,
    pieces: [5000],
  });
  const all = { source, destination, mapStore, clock, regionSize: REGION_SIZE };
  let clone: Clone | undefined;
  let user: User | undefined;
  try {
    clone = await order.wait(Clone.open({ ...all, ...life.options }));
    user = new User(clone, clock, promised);
    for (const step of life.steps) await order.wait(user.take(step));
  } catch (error) {
    if (!power.isOut || !(error instanceof HeadwaterError)) throw error;
  }
  power.cut();
  await order.wait(clone?.close().catch(() => {}) ?? Promise.resolve());
  steps = Math.max(steps, power.steps);
  const random = randomFrom(life.seed);
  const slots = mapStore.survivor(random);
  const hasWrites = disk.hasWrites || user?.hasWrites === true;
  return { bytes: destination.survivor(random), slots, hasWrites };
}

/** As many steps as the devices took in any life. */
let steps = 0;

/** Opens what a crash left behind, finishes it, and returns what the user finds in it. */
async function inspect(disk: Disk): Promise<Uint8Array> {
  const pause = (): Promise<void> => Promise.resolve();
  const power = new Power();
  const destination = new CrashDestination(disk.bytes, power, pause);
  const mapStore = new CrashMapStore(disk.slots, power, pause);
  const source = new ScriptedSource(ORIGINAL.slice(), { identity: IDENTITY });
  const all = { destination, mapStore, regionSize: REGION_SIZE, clock: new TestClock(pause) };
  const clone = await Clone.open({ ...all, source, noHydration: true, copyOnRead: false });
  const found = await clone.read(0, SIZE);
  const hasWrites = disk.hasWrites || Buffer.compare(found, ORIGINAL) !== 0;
  if (hasWrites) assert.ok(clone.status().written, "the map has forgotten that a user wrote");
  await clone.hydrate();
  await clone.hydrated();
  await clone.close();
  assert.equal(destination.bytes, found, "hydration ended with other bytes than were read before");

  const whole = await Clone.open(all); // it needs no source any more
  assert.equal(await whole.read(0, SIZE), found);
  await whole.close();
  return found;
}

/** Lives, crashes and looks, one life after the other on the same disk. */
async function survive(lives: readonly Life[], order: Order): Promise<void> {
  let disk = NEW_DISK;
  let promised = new SectorVersions(ORIGINAL);
  for (const life of lives) {
    disk = await live(disk, life, promised, order);
    const found = await inspect(disk);
    const wrong = promised.firstImpossible(found);
    assert.is(wrong, undefined, `the sector at ${wrong} holds what was never written there`);
    promised = new SectorVersions(found);
  }
}

const inTurn: Order = { pause: () => new Promise(setImmediate), wait: (work) => work };

const DAY: readonly Step[] = [
  { kind: "read", offset: 100, length: 100 },
  { kind: "write", offset: 2 * REGION_SIZE, length: REGION_SIZE, seed: 1 },
  { kind: "beginFlush" },
  { kind: "write", offset: 5000, length: 9000, seed: 2 },
  { kind: "tick" },
  { kind: "hydrate", offset: 6 * REGION_SIZE, length: 1 },
  { kind: "write", offset: 2 * REGION_SIZE + 100, length: 1500, seed: 3 },
  { kind: "flush" },
  { kind: "discard", offset: 8 * REGION_SIZE, length: SIZE - 8 * REGION_SIZE },
  { kind: "write", offset: SIZE - 600, length: 600, seed: 4 },
  { kind: "read", offset: 0, length: SIZE },
  { kind: "tick" },
  { kind: "write", offset: 0, length: 3 * REGION_SIZE + 1, seed: 5 },
  { kind: "flush" },
  { kind: "write", offset: 700, length: 2000, seed: 6 },
];

test("a crash at any step of a day leaves what was flushed, and nothing that was not written", async () => {
  const options = { hydrationBatchSize: 2, readAround: 0 };
  steps = 0;
  await survive([{ steps: DAY, cutAt: Number.POSITIVE_INFINITY, seed: 1, options }], inTurn);
  assert.ok(steps > 40, `the devices took only ${steps} steps`);
  for (let cutAt = 1; cutAt <= steps; cutAt += 1) {
    for (let seed = 1; seed <= 3; seed += 1) {
      await survive([{ steps: DAY, cutAt, seed, options }], inTurn);
    }
  }
});

const place = fc
  .tuple(fc.nat(SIZE - 1), fc.nat(3 * REGION_SIZE), fc.boolean())
  .map(([at, size, isWhole]) => {
    const offset = isWhole ? Math.floor(at / REGION_SIZE) * REGION_SIZE : at;
    const length = isWhole ? Math.ceil(size / REGION_SIZE) * REGION_SIZE : size;
    return { offset, length: Math.min(length, SIZE - offset) };
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(place, fc.nat(99)).map(([where, seed]) => ({ kind: "write", ...where, seed }) as Step),
  place.map((where) => ({ kind: "discard", ...where }) as Step),
  fc
    .tuple(place, fc.constantFrom("read", "hydrate"))
    .map(([where, kind]) => ({ kind, ...where }) as Step),
  fc.constantFrom<Step>({ kind: "flush" }, { kind: "beginFlush" }, { kind: "tick" }),
);
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 10 }),
  cutAt: fc.integer({ min: 1, max: 80 }),
  seed: fc.nat(),
  options: fc.record({
    hydrationBatchSize: fc.integer({ min: 1, max: 4 }),
    readAround: fc.constantFrom(0, 2 * REGION_SIZE),
    noHydration: fc.boolean(),
    copyOnRead: fc.boolean(),
  }),
});

test("one crash after the other, in whatever order the devices answer", async () => {
  const lives = fc.array(life, { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(lives, fc.scheduler(), async (lives, scheduler) => {
    await survive(lives, {
      pause: () => scheduler.schedule(Promise.resolve()),
      wait: (work) => scheduler.waitFor(work),
    });
  });
  await fc.assert(property, propertyRuns(300));
});

test.run();
