import { patternBytes } from "../../adapters/testing/index.ts";
import { type Clone, isHeadwaterError, type WriteOptions } from "../../lib/index.ts";
import { type Place, placeIn } from "./place.ts";
import type { LifeProfile, StepKind } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import type { Truth } from "./truth.ts";

/** Whose clone it is, and what is known of it. */
export interface UserContext {
  readonly clone: Clone;
  readonly truth: Truth;
  readonly profile: LifeProfile;
  /** Where somebody was last. */
  readonly focus: { offset: number };
  /** Whether this may happen now: a fault of a device, or what the clone says after `close`. */
  isExcused(error: unknown): boolean;
  /** Called after each step. */
  checked(): void;
  /** Brings everything to rest for some time. */
  suspend(random: Random): Promise<void>;
  /** Takes the bytes from another device from here on. */
  reconnect(): Promise<void>;
}

/** Somebody who uses a clone, one step after the other, while others do the same. */
export class User {
  readonly #number: number;
  readonly #context: UserContext;
  readonly #scene: Scene;
  readonly #random: Random;
  /** What was begun and not waited for. */
  readonly #later: Promise<void>[] = [];
  /** With what this user stops waiting; nobody else may be told of them. */
  readonly #reasons = new Set<unknown>();

  constructor(number: number, context: UserContext, scene: Scene, random: Random) {
    this.#number = number;
    this.#context = context;
    this.#scene = scene;
    this.#random = random;
  }

  async work(): Promise<void> {
    const { steps, thinkMs, weights } = this.#context.profile;
    const { timeline } = this.#scene;
    for (let step = 0; step < steps; step += 1) {
      if (this.#random.chance(0.6)) await timeline.sleep(thinkMs * 2 * this.#random.fraction());
      const kind = this.#random.weighted(weights);
      const work = this.#attempt(kind, () => this.#take(kind));
      if (this.#random.chance(0.15)) this.#later.push(work);
      else await work;
    }
    await Promise.all(this.#later);
  }

  /** What may go wrong does no harm; everything else is reported. */
  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    const { timeline, log, report } = this.#scene;
    try {
      await work();
    } catch (error) {
      const code = isHeadwaterError(error) ? error.code : (error as Error).name;
      log.note(timeline.now(), `user %: ${what} fails: ${code}`, this.#number);
      if (!this.#isExcused(error)) report(`${what}: ${(error as Error)?.stack}`);
    }
    this.#context.checked();
  }

  #isExcused(error: unknown): boolean {
    return this.#reasons.has(error) || this.#context.isExcused(error);
  }

  async #take(kind: StepKind): Promise<void> {
    const { clone } = this.#context;
    if (kind === "read") await this.#read();
    else if (kind === "write") await this.#write(this.#place());
    else if (kind === "cover") await this.#cover();
    else if (kind === "overtake") await this.#overtake();
    else if (kind === "discard") await this.#discard(this.#place());
    else if (kind === "flush") await this.#flush();
    else if (kind === "hydrate") await this.#hydrate();
    else if (kind === "pause") clone.pause();
    else if (kind === "resume") clone.resume();
    else if (kind === "configure") this.#configure();
    else if (kind === "zero") await this.#zero(this.#place());
    else if (kind === "suspend") await this.#context.suspend(this.#random);
    else if (kind === "reconnect") await this.#context.reconnect();
    else this.#look();
    this.#note(`${kind} done`);
  }

  async #read(where?: Place): Promise<void> {
    const { clone, truth } = this.#context;
    const past = { offset: this.#random.below(2 * clone.size), length: clone.size };
    const { offset, length } = where ?? (this.#random.chance(0.05) ? past : this.#place());
    const check = truth.reading(Math.min(offset, clone.size));
    const expected = Math.max(0, Math.min(length, clone.size - offset));
    const how = this.#random.pick(["read", "read", "readInto", "readIntoSync"] as const);
    this.#note(`${how} %+%`, offset, length);
    let bytes = new Uint8Array(length).fill(0xee);
    if (how === "read") {
      const signal = this.#signal();
      bytes = new Uint8Array(await clone.read(offset, length, signal));
    } else if (how === "readInto") {
      const target = bytes;
      const read = await clone.readInto(offset, target, this.#signal()).catch((error) => {
        this.#later.push(this.#untouched(target));
        throw error;
      });
      bytes = bytes.subarray(0, read);
    } else {
      const read = clone.readIntoSync(offset, bytes);
      if (read === undefined) return;
      bytes = bytes.subarray(0, read);
    }
    const problem =
      bytes.length === expected ? check(bytes) : `${bytes.length} bytes, not ${expected}`;
    if (problem !== undefined) this.#scene.report(`${how} ${offset}+${length}: ${problem}`);
  }

  /** Once a reader was told of a failure, its bytes are its own again. */
  async #untouched(target: Uint8Array): Promise<void> {
    const before = target.slice();
    await this.#scene.timeline.sleep(500);
    if (Buffer.compare(before, target) === 0) return;
    this.#scene.report("a reader's bytes changed after it was told of a failure");
  }

  async #write({ offset, length }: Place): Promise<void> {
    const { clone, truth } = this.#context;
    const bytes = patternBytes(length, this.#random.below(2 ** 31));
    this.#note("write %+%", offset, length);
    await this.#change(offset, bytes, (options) => clone.write(offset, bytes, options), truth);
  }

  async #zero({ offset, length }: Place): Promise<void> {
    const { clone, truth } = this.#context;
    const zeros = new Uint8Array(length);
    this.#note("write zeroes %+%", offset, length);
    await this.#change(
      offset,
      zeros,
      (options) => clone.writeZeroes(offset, length, options),
      truth,
    );
  }

  /** Several writes, side by side and at once, that cover whole regions together. */
  async #cover(): Promise<void> {
    const { clone } = this.#context;
    const { regionSize, size } = clone;
    const offset = this.#random.below(Math.ceil(size / regionSize)) * regionSize;
    const end = Math.min(size, offset + this.#random.between(1, 2) * regionSize);
    const cuts = [offset, end];
    for (let count = this.#random.between(1, 3); count > 0; count -= 1) {
      cuts.push(this.#random.between(offset, end));
    }
    cuts.sort((one, other) => one - other);
    const parts = cuts.slice(1).map((cut, index) => {
      const from = cuts[index] as number;
      return this.#attempt("write", () => this.#write({ offset: from, length: cut - from }));
    });
    await Promise.all(parts);
  }

  /** Reads a few regions, writes over one of them meanwhile, and reads them again. */
  async #overtake(): Promise<void> {
    const { size, regionSize } = this.#context.clone;
    const offset = this.#place().offset;
    const first = offset - (offset % regionSize);
    const count = this.#random.between(3, 4);
    const all = { offset: first, length: Math.min(size - first, count * regionSize) };
    const early = this.#attempt("read", () => this.#read(all));
    const written = Math.min(size - 1, first + this.#random.below(count) * regionSize);
    await this.#write({ offset: written, length: Math.min(regionSize, size - written) });
    await this.#read(all);
    await early;
  }

  /** Whole regions only, and the short tail where the range reaches the end. */
  async #discard({ offset, length }: Place): Promise<void> {
    const { clone, truth } = this.#context;
    const { regionSize, size } = clone;
    const end = offset + length;
    const first = Math.min(size, Math.ceil(offset / regionSize) * regionSize);
    const last = end === size ? size : Math.floor(end / regionSize) * regionSize;
    const zeros = new Uint8Array(Math.max(0, last - first));
    this.#note("discard %+%", offset, length);
    await this.#change(first, zeros, (options) => clone.discard(offset, length, options), truth);
  }

  async #change(
    offset: number,
    bytes: Uint8Array,
    work: (options: WriteOptions) => Promise<void>,
    truth: Truth,
  ): Promise<void> {
    const fua = this.#random.chance(this.#context.profile.fua);
    const signal = this.#random.chance(0.5) ? this.#signal() : {};
    const change = truth.begin(offset, bytes);
    try {
      await work({ fua, ...signal });
      truth.acknowledged(change);
      if (fua) change.isDurable = true;
    } catch (error) {
      truth.failed(change);
      throw error;
    }
  }

  async #flush(): Promise<void> {
    const { clone, truth } = this.#context;
    this.#note("flush");
    const mark = truth.mark();
    await clone.flush();
    truth.flushed(mark);
  }

  async #hydrate(): Promise<void> {
    const { clone } = this.#context;
    const ranges = this.#random.chance(0.85) ? [this.#place(), this.#place()] : undefined;
    const priority = this.#random.below(3);
    this.#note(ranges === undefined ? "hydrate" : "hydrate ranges");
    const options = ranges === undefined ? { priority } : { ranges, priority };
    const hydrated = clone.hydrate({ ...options, ...this.#signal() });
    const isWaited = this.#random.chance(0.3);
    const work = this.#attempt("hydrate", async () => {
      await hydrated;
      for (const { offset, length } of ranges ?? [{ offset: 0, length: clone.size }]) {
        if (clone.hydratedBytesIn(offset, length) < length) {
          this.#scene.report(`${offset}+${length} was said to be hydrated`);
        }
      }
    });
    if (isWaited && this.#context.profile.weights.pause === 0) await work;
    else this.#later.push(work);
  }

  #configure(): void {
    const { clone } = this.#context;
    const hydrationThreshold = this.#random.chance(0.1) ? 0 : this.#random.between(1, 8);
    const hydrationBatchSize = this.#random.between(1, 8);
    this.#note("configure % %", hydrationThreshold, hydrationBatchSize);
    clone.configure({ hydrationThreshold, hydrationBatchSize });
    if (this.#random.chance(0.3)) {
      clone.configure({ bytesPerSecond: this.#random.pick([0, 10_000, 100_000]) });
    }
  }

  /** What the clone says of itself adds up. */
  #look(): void {
    const { clone } = this.#context;
    const { hydratedBytes, hydratedCount, regionCount } = clone.status();
    const missing = [...clone.missing()];
    const missingBytes = missing.reduce((sum, { length }) => sum + length, 0);
    this.#note("sees % of % regions", hydratedCount, regionCount);
    if (hydratedBytes + missingBytes !== clone.size) {
      this.#scene.report(`${hydratedBytes} hydrated and ${missingBytes} missing bytes`);
    }
    for (const { offset, length } of missing) {
      if (clone.hydratedBytesIn(offset, length) === 0) continue;
      this.#scene.report(`${offset}+${length} is missing and hydrated`);
    }
  }

  #place(): Place {
    return placeIn(this.#context.clone, this.#context.focus, this.#random);
  }

  /** Sometimes somebody loses patience. */
  #signal(): { signal?: AbortSignal } {
    if (!this.#random.chance(this.#context.profile.aborts)) return {};
    const controller = new AbortController();
    const ms = this.#random.chance(0.2) ? 0 : this.#random.magnitude(0.1, 300);
    const reason = new Error(`user ${this.#number} cannot wait any longer`);
    this.#reasons.add(reason);
    this.#scene.timeline.after(ms, () => controller.abort(reason));
    return { signal: controller.signal };
  }

  #note(what: string, ...numbers: number[]): void {
    const { log, timeline } = this.#scene;
    log.note(timeline.now(), `user %: ${what}`, this.#number, ...numbers);
  }
}
