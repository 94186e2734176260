import { Clone, type CloneOptions, HeadwaterError } from "../../lib/index.ts";
import { Devices } from "./devices.ts";
import type { Disk } from "./disk.ts";
import type { LifeProfile } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import { Crash } from "./timeline.ts";
import type { Truth } from "./truth.ts";
import { User } from "./user.ts";

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
  readonly #devices: Devices;
  #clone: Clone | undefined;
  readonly #focus = { offset: 0 };
  #isClosing = false;
  #isSuspended = false;
  #hydratedCount = 0;
  #landedBytes = 0;

  constructor(disk: Disk, profile: LifeProfile, truth: Truth, scene: Scene, random: Random) {
    this.#profile = profile;
    this.#truth = truth;
    this.#scene = scene;
    this.#random = random;
    this.#devices = new Devices(disk, truth.original, profile, scene, random.fork());
    this.#devices.onBackground = () => this.#checkThreshold();
    this.#devices.destination.onFinish = () => this.#checkFinish();
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
    isPowerLost ||= this.#devices.destination.hasLost;
    return { disk: this.#devices.survivor(isPowerLost), end, isCrash, isPowerLost };
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
    this.#devices.checkIdle("after the clone was closed");
    this.#devices.forbid("after the clone was closed");
    await timeline.pass(5000);
    const isWhole = clone.status().hydration === "complete";
    this.#devices.checkSpent(clone.stats(), this.#landedBytes, isWhole);
    return isWell;
  }

  async #open(): Promise<Clone | undefined> {
    const { timeline, log, report } = this.#scene;
    const { source, destination, mapStore } = this.#devices;
    const devices = { source, destination, mapStore, clock: timeline };
    const options: CloneOptions = { ...this.#profile.options, ...devices };
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
      focus: this.#focus,
      isExcused: (error: unknown) => this.#isExcused(error),
      checked: () => this.#checkStep(),
      suspend: (random: Random) => this.#suspend(random),
      reconnect: () => this.#opened.reconnect(this.#devices.another()),
    };
    return new User(number, context, this.#scene, this.#random.fork());
  }

  /** Nothing is used while it lasts. */
  async #suspend(random: Random): Promise<void> {
    const { timeline, log } = this.#scene;
    if (this.#isSuspended) return; // a second one would flush once more
    this.#isSuspended = true;
    const end = await this.#opened.suspend().finally(() => {
      this.#isSuspended = false;
    });
    this.#isSuspended = true;
    log.note(timeline.now(), "suspended");
    this.#devices.checkIdle("during a suspension");
    if (!this.#isClosing) this.#devices.forbid("during a suspension");
    await timeline.sleep(random.magnitude(1, 3000));
    this.#isSuspended = false;
    this.#devices.forbid(undefined);
    log.note(timeline.now(), "no longer suspended");
    end();
  }

  #resumeAll(): void {
    const { mode } = this.#opened;
    if (this.#isClosing || mode !== "read-write") return;
    this.#opened.configure({ hydrationThreshold: 8 });
    this.#opened.resume();
  }

  /** The devices work again, and in the end everything is here that can be read at all. */
  async #complete(): Promise<void> {
    const { timeline, log, report } = this.#scene;
    const clone = this.#opened;
    log.note(timeline.now(), "the devices are sound, and everything is to be brought");
    this.#devices.heal();
    this.#resumeAll();
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
    const { mode, hydration, hydratedCount, regionCount, regionSize } = clone.status();
    if (mode !== "read-write") return; // only another life can mend that
    const [bad, ...others] = clone.missing();
    const { badByte } = this.#profile.source;
    if (bad !== undefined && others.length === 0 && bad.length <= regionSize) {
      if (bad.offset <= badByte && badByte < bad.offset + bad.length) return;
    }
    if (hydration !== "complete" || hydratedCount !== regionCount) {
      report(`${hydration} with ${hydratedCount} of ${regionCount} regions, and no reason to be`);
    }
    const { current } = this.#devices.destination.versions;
    const problem = this.#truth.reading(0)(current.subarray(0, clone.size));
    if (problem !== undefined) report(`the hydrated destination: ${problem}`);
    if (!this.#devices.isReleased) report("the source is not needed any more, and was not closed");
  }

  async #close(): Promise<boolean> {
    const { timeline, log, report } = this.#scene;
    log.note(timeline.now(), "close");
    this.#isClosing = true;
    this.#devices.forbid(undefined);
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

  #isExcused(error: unknown): boolean {
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

  #checkFinish(): void {
    const { report } = this.#scene;
    const { hydratedCount, regionCount } = this.#opened.status();
    if (hydratedCount < regionCount) report("it was finished before it was whole");
    if (!this.#devices.mapStore.holds("the finger's print")) report("finished, but not stored so");
  }

  get #opened(): Clone {
    if (this.#clone === undefined) throw new Error("the clone is not open yet");
    return this.#clone;
  }
}
