import { Clone, type CloneOptions, HeadwaterError } from "../../lib/index.ts";
import type { Disk } from "./disk.ts";
import type { LifeProfile } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import { SimulatedDestination } from "./simulated-destination.ts";
import { SimulatedMapStore } from "./simulated-map-store.ts";
import { SimulatedSource } from "./simulated-source.ts";
import { Crash } from "./timeline.ts";
import type { Truth } from "./truth.ts";
import { IMPATIENCE, User } from "./user.ts";

/** What a faulty source, and a faulty destination, may lead to. */
const FAULT_CODES = ["SOURCE_FAILED", "SHORT_READ", "TIMEOUT", "CORRUPT", "STALLED"];
const DISK_CODES = ["DESTINATION_FAILED", "DESTINATION_FULL", "READ_ONLY", "FAILED"];

/** How a life ended, and what it left. */
export interface LifeEnd {
  readonly disk: Disk;
  /** Well: everything that was acknowledged must be there. */
  readonly end: "well" | "badly";
  readonly isCrash: boolean;
  readonly isPowerLost: boolean;
}

/** From one opening of a clone until it is closed, or its process dies. */
export class Life {
  readonly #profile: LifeProfile;
  readonly #truth: Truth;
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #source: SimulatedSource;
  readonly #destination: SimulatedDestination;
  readonly #mapStore: SimulatedMapStore;
  #clone: Clone | undefined;
  #isClosing = false;
  #hydratedCount = 0;
  #landedBytes = 0;

  constructor(disk: Disk, profile: LifeProfile, truth: Truth, scene: Scene, random: Random) {
    this.#profile = profile;
    this.#truth = truth;
    this.#scene = scene;
    this.#random = random;
    const { source, destination, mapStore } = profile;
    this.#source = new SimulatedSource(truth.original, source, scene, random.fork());
    this.#destination = new SimulatedDestination(disk.versions, destination, scene, random.fork());
    this.#mapStore = new SimulatedMapStore(disk.slots, mapStore, scene, random.fork());
    this.#source.onBackground = () => this.#checkThreshold();
    this.#destination.onFinish = () => {
      const { hydratedCount, regionCount } = this.#opened.status();
      if (hydratedCount < regionCount) scene.report("it was finished before it was whole");
      if (!this.#mapStore.holds("the finger's print")) scene.report("finished, but not stored so");
    };
  }

  async live(): Promise<LifeEnd> {
    const { timeline, log } = this.#scene;
    timeline.crashAt = timeline.steps + this.#profile.crashAt;
    timeline.afterStep = () => {
      this.#checkStep();
      this.#scene.check();
    };
    let end: LifeEnd["end"] = "badly";
    let isCrash = false;
    let isPowerLost = false;
    try {
      if (await this.#whole()) end = "well";
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      isCrash = true;
      isPowerLost = this.#profile.isPowerLost;
      log.note(timeline.now(), isPowerLost ? "THE POWER IS LOST" : "THE PROCESS IS KILLED");
    }
    // Only another boot shows what a disk really has that failed to flush.
    isPowerLost ||= this.#destination.hasLost;
    return { disk: this.#disk(isPowerLost), end, isCrash, isPowerLost };
  }

  /** Returns whether everything acknowledged must have survived. */
  async #whole(): Promise<boolean> {
    const { timeline } = this.#scene;
    const { isClosedEarly, isCompleted, users, thinkMs, steps } = this.#profile;
    const clone = await this.#open();
    if (clone === undefined) return false;
    this.#clone = clone;
    const all = Array.from({ length: users }, (_, index) => this.#user(index + 1).work());
    const working = Promise.all(all);
    if (isClosedEarly) {
      await timeline.run(timeline.sleep(thinkMs * steps * this.#random.fraction()));
    } else {
      // A pause would keep waiting whoever named something to be hydrated.
      const stopResuming = timeline.every(500 + 2 * thinkMs * steps, () => this.#resumeAll());
      await timeline.run(working);
      stopResuming();
      if (isCompleted) await timeline.run(this.#complete());
    }
    const isWell = await timeline.run(this.#close());
    await timeline.run(working);
    this.#checkClosed();
    await timeline.pass(5000);
    this.#checkClosed();
    return isWell;
  }

  async #open(): Promise<Clone | undefined> {
    const { timeline, log, report } = this.#scene;
    const options: CloneOptions = {
      ...this.#profile.options,
      source: this.#source,
      destination: this.#destination,
      mapStore: this.#mapStore,
      clock: timeline,
    };
    try {
      const clone = await timeline.run(Clone.open(options));
      clone.on("landed", ({ length }) => {
        this.#landedBytes += length;
      });
      return clone;
    } catch (error) {
      if (error instanceof Crash) throw error;
      log.note(timeline.now(), "cannot be opened");
      if (!this.#isExcused(error)) report(`open: ${(error as Error).stack}`);
      return undefined;
    }
  }

  #user(number: number): User {
    const context = {
      clone: this.#opened,
      truth: this.#truth,
      profile: this.#profile,
      isExcused: (error: unknown) => this.#isExcused(error),
      checked: () => this.#checkStep(),
    };
    return new User(number, context, this.#scene, this.#random.fork());
  }

  #resumeAll(): void {
    const { mode } = this.#opened;
    if (!this.#isClosing && mode === "read-write") this.#opened.resume();
  }

  /** The devices work again, and in the end everything is here. */
  async #complete(): Promise<void> {
    const { timeline, log, report } = this.#scene;
    const clone = this.#opened;
    log.note(timeline.now(), "the devices are sound, and everything is to be brought");
    this.#source.faults = 0;
    this.#destination.faults = 0;
    this.#destination.isFull = false;
    this.#mapStore.faults = 0;
    for (let attempt = 0; attempt < 10; attempt += 1) {
      try {
        clone.resume();
        await clone.hydrate();
        await clone.hydrated();
        break;
      } catch (error) {
        if (!this.#isExcused(error)) report(`hydrate: ${(error as Error).stack}`);
      }
      await timeline.sleep(1000); // what was asked for before may still fail
    }
    const { mode, hydration, hydratedCount, regionCount } = clone.status();
    if (mode !== "read-write") return; // only another life can mend that
    if (hydration !== "complete" || hydratedCount !== regionCount) {
      report(`${hydration} with ${hydratedCount} of ${regionCount} regions, and no reason to be`);
    }
    const problem = this.#truth.reading(0)(
      this.#destination.versions.current.subarray(0, clone.size),
    );
    if (problem !== undefined) report(`the hydrated destination: ${problem}`);
    if (this.#profile.options.ownsSource && !this.#source.isClosed) {
      report("the source is not needed any more, and was not closed");
    }
  }

  async #close(): Promise<boolean> {
    const { timeline, log, report } = this.#scene;
    log.note(timeline.now(), "close");
    this.#isClosing = true;
    const mark = this.#truth.mark();
    try {
      await this.#opened.close();
    } catch (error) {
      if (!this.#isExcused(error)) report(`close: ${(error as Error).stack}`);
      return false;
    }
    log.note(timeline.now(), "closed");
    if (this.#opened.mode !== "read-write") return false;
    this.#truth.flushed(mark);
    return true;
  }

  #disk(isPowerLost: boolean): Disk {
    const versions = this.#destination.survivor(isPowerLost, this.#random.fork());
    return { versions, slots: this.#mapStore.survivor(this.#random.fork()) };
  }

  #isExcused(error: unknown): boolean {
    if (error === IMPATIENCE) return true;
    if (!(error instanceof HeadwaterError)) return false;
    if (error.code === "CLOSED") return this.#isClosing;
    if (!this.#profile.hasFaults) return false;
    return FAULT_CODES.includes(error.code) || DISK_CODES.includes(error.code);
  }

  #checkStep(): void {
    if (this.#clone === undefined) return;
    const { hydratedCount } = this.#clone.status();
    if (hydratedCount < this.#hydratedCount) this.#scene.report("fewer regions are hydrated now");
    this.#hydratedCount = hydratedCount;
  }

  #checkThreshold(): void {
    const status = this.#clone?.status();
    if (status === undefined || status.hydratingCount <= status.hydrationThreshold) return;
    const { hydratingCount, hydrationThreshold } = status;
    this.#scene.report(`${hydratingCount} regions are under way, of ${hydrationThreshold}`);
  }

  #checkClosed(): void {
    const { underWay } = this.#destination;
    const { report } = this.#scene;
    if (underWay > 0) report(`${underWay} operations of the destination are under way`);
    if (this.#mapStore.underWay > 0) report("the map is being saved after the clone was closed");
    if (this.#source.underWay > 0) report("the source is being read after the clone was closed");
    this.#checkSpent();
  }

  /** Where nothing went wrong, each byte was asked for once. */
  #checkSpent(): void {
    const { hasFaults, options, source } = this.#profile;
    const { bytesFetched, abandonedBytes } = this.#opened.stats();
    const { report } = this.#scene;
    const { servedBytes } = this.#source;
    if (bytesFetched !== servedBytes) report(`${servedBytes} bytes came, not ${bytesFetched}`);
    if (options.copyOnRead === false || hasFaults) return;
    const isWhole = this.#opened.status().hydration === "complete";
    if (isWhole && source.streams && bytesFetched !== this.#landedBytes + abandonedBytes) {
      report(`${bytesFetched} bytes fetched, ${this.#landedBytes} landed, ${abandonedBytes} not`);
    }
    if (source.openedLength > 0 || options.regionSize !== 4096) return;
    if (this.#source.served.some((count) => count > 1)) report("a byte was asked for twice");
  }

  get #opened(): Clone {
    if (this.#clone === undefined) throw new Error("the clone is not open yet");
    return this.#clone;
  }
}
