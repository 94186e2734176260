import { MemoryDevice, MemoryMapStore } from "../../adapters/memory.ts";
import { patternBytes } from "../../adapters/testing/index.ts";
import { Clone, loadBitmaps } from "../../lib/index.ts";
import { type Disk, GARBAGE, newDisk } from "./disk.ts";
import { EventLog } from "./event-log.ts";
import { Life } from "./life.ts";
import { withOwnGlobals } from "./own-globals.ts";
import { lifeProfile, type WorldProfile, worldProfile } from "./profile.ts";
import { Random } from "./random.ts";
import { Divergence, Timeline } from "./timeline.ts";
import { Truth } from "./truth.ts";

export interface WorldOptions {
  /** The first life is cut short at this step of its devices, whatever the seed says. */
  readonly crashAt?: number;
  /** Whether what happened is told in words. */
  readonly keepsLines?: boolean;
}

/** One disk, its lives and what must hold in each of them: all of it follows from the seed. */
export class World {
  readonly #random: Random;
  readonly log: EventLog;
  readonly #profile: WorldProfile;
  readonly #truth: Truth;
  #timeline = new Timeline();
  #problem: string | undefined;
  readonly #options: WorldOptions;
  /** Whether the first life was cut short. */
  crashed = false;

  constructor(seed: number, options: WorldOptions = {}) {
    this.#options = options;
    this.#random = new Random(seed);
    this.log = new EventLog(options.keepsLines ?? false);
    this.#profile = worldProfile(this.#random.fork());
    const original = patternBytes(this.#profile.size);
    for (const { offset, length } of this.#profile.zeros) original.fill(0, offset, offset + length);
    this.#truth = new Truth(original);
  }

  /** @throws {Divergence} and others, when something is seen that must never be. */
  async run(): Promise<void> {
    await loadBitmaps(); // a module is loaded in real time, but only once
    const work = () => this.#lives();
    const uncaught = (error: unknown): void => {
      this.#report(`nobody handled: ${(error as Error)?.stack}`);
    };
    await withOwnGlobals(this.#random.fork(), () => this.#timeline, uncaught, work);
    this.#throwProblem();
  }

  async #lives(): Promise<void> {
    let disk = newDisk(this.#profile.destinationSize);
    for (let number = 1; number <= this.#profile.lives; number += 1) {
      disk = await this.#life(number, disk);
      this.#throwProblem();
    }
  }

  async #life(number: number, before: Disk): Promise<Disk> {
    this.#timeline = new Timeline(this.#timeline.now());
    const timeline = this.#timeline;
    const log = this.log;
    log.note(timeline.now(), "LIFE %", number);
    const random = this.#random.fork();
    const drawn = lifeProfile(this.#profile, random.fork());
    const { crashAt = drawn.crashAt } = number === 1 ? this.#options : {};
    const profile = { ...drawn, crashAt };
    if (this.#options.keepsLines) log.lines.push(described({ ...this.#profile, ...profile }));
    const report = (problem: string): void => this.#report(problem);
    const scene = { timeline, log, report, check: () => this.#throwProblem() };
    const life = new Life(before, profile, this.#truth, scene, random.fork());
    const { disk, end, isCrash, isPowerLost } = await life.live();
    if (number === 1) this.crashed = isCrash;
    this.#throwProblem();
    this.#truth.interrupted();
    const found = await this.#inspect(disk);
    const problem = end === "well" ? this.#truth.reading(0)(found) : undefined;
    this.#report(problem && `after it was closed: ${problem}`);
    this.#report(this.#truth.restarted(found, isPowerLost));
    return disk;
  }

  /** What a user would find on a copy of this disk, and whether it can be completed. */
  async #inspect(disk: Disk): Promise<Uint8Array> {
    const { size, regionSize, identity, destinationSize } = this.#profile;
    const { original, hasWrites } = this.#truth;
    this.#timeline = new Timeline(this.#timeline.now());
    const destination = new MemoryDevice(disk.versions.current.slice());
    const mapStore = new MemoryMapStore(disk.slots);
    const source = new MemoryDevice(original.slice(), { identity });
    const clock = this.#timeline;
    const all = { destination, mapStore, regionSize, clock };
    const whole = async (): Promise<Uint8Array> => {
      const clone = await Clone.open({ ...all, source, noHydration: true, copyOnRead: false });
      const found = await clone.read(0, size);
      if (hasWrites && !clone.status().written) this.#report("that a user wrote is forgotten");
      await clone.hydrate();
      await clone.hydrated();
      await clone.close();
      const end = destination.bytes.subarray(0, size);
      if (Buffer.compare(end, found) !== 0) this.#report("hydration ended with other bytes");
      const past = destination.bytes.subarray(size);
      if (past.some((byte) => byte !== GARBAGE)) this.#report("written past the end");
      if (Buffer.compare(source.bytes, original) !== 0) this.#report("the source was written");
      const local = await Clone.open(all);
      if (Buffer.compare(await local.read(0, destinationSize), found) !== 0) {
        this.#report("without a source other bytes are read");
      }
      await local.close();
      return found;
    };
    return clock.run(whole());
  }

  #report(problem: string | undefined): void {
    if (problem === undefined) return;
    this.log.note(this.#timeline.now(), `DIVERGENCE: ${problem}`);
    this.#problem ??= problem;
  }

  #throwProblem(): void {
    if (this.#problem !== undefined) throw new Divergence(this.#problem);
  }
}

/** The long identity says nothing. */
function described(profile: object): string {
  return JSON.stringify(profile).replace(/x{9,}/g, "");
}
