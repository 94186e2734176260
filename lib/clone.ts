import { EventEmitter } from "node:events";
import { checkCount } from "./assert.ts";
import { loadBitmaps } from "./bitmap.ts";
import {
  type CallOptions,
  type CloneOptions,
  checkBehavior,
  type HydrateOptions,
  type LiveOptions,
} from "./clone-options.ts";
import { describe, hydratedBytes } from "./describe.ts";
import type { ByteRange } from "./device.ts";
import { beginFetching, configure, type Engine, makeEngine } from "./engine.ts";
import { HeadwaterError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import { progress } from "./progress.ts";
import type { Run } from "./region-map.ts";
import type { CloneEvents, CloneMode, CloneStats, CloneStatus, Progress } from "./status.ts";
import { openStoredCopy } from "./stored-copy.ts";
import { Turns } from "./turns.ts";

/**
 * A remote source and a local destination as one device. A read is served by the destination where
 * it is hydrated and by the source where it is not; the rest is copied in the background, until
 * the destination needs the source no more.
 */
export class Clone extends EventEmitter<CloneEvents> implements AsyncDisposable {
  /** In bytes. */
  readonly size: number;
  /** In bytes. */
  readonly sourceSize: number;
  /** In bytes. */
  readonly regionSize: number;
  readonly #engine: Engine;
  readonly #geometry: Geometry;
  readonly #options: CloneOptions;
  #mode: CloneMode = "read-write";
  #modeError: HeadwaterError | undefined;
  #closing: Promise<void> | undefined;
  #isSourceReleased = false;
  readonly #turns = new Turns();

  private constructor(options: CloneOptions, engine: Engine) {
    super();
    this.#options = options;
    this.#engine = engine;
    this.#geometry = engine.geometry;
    this.size = engine.geometry.size;
    this.sourceSize = engine.copy.sourceSize;
    this.regionSize = engine.geometry.regionSize;
  }

  /**
   * Opens a clone, and begins to hydrate unless `noHydration` is set. What an earlier clone left in
   * the destination and the map store is taken up where it was.
   *
   * @throws {RangeError} when an option is out of its range, or the destination is too small.
   * @throws {HeadwaterError} `MAP_CORRUPT` when the stored map cannot be believed;
   *   `SOURCE_CHANGED` when it belongs to another source.
   */
  static async open(options: CloneOptions): Promise<Clone> {
    const { source, destination, mapStore } = options;
    const library = await loadBitmaps();
    const copy = await openStoredCopy(library, mapStore, source, options.regionSize);
    if (destination.size < copy.geometry.size) {
      throw new RangeError(
        `the destination has ${destination.size} bytes; the clone needs ${copy.geometry.size}`,
      );
    }
    const behavior = checkBehavior(options, copy.geometry.regionSize);
    const engine = makeEngine(options, copy, behavior, {
      landed: (run, by) => clone.#landed(run, by),
      changed: (state, error) => {
        if (state === "complete") void clone.#releaseSource();
        if (state === "complete") clone.emit("hydrated");
        else if (state === "paused") clone.emit("paused", error);
        else if (state === "running") clone.emit("resumed");
        else if (state === "stalled" && error !== undefined) clone.emit("stalled", error);
      },
      quarantined: (range, error) => clone.emit("quarantined", { ...range, error }),
      commitFailed: (error) => clone.#commitFailed(error),
    });
    const clone = new Clone(options, engine);
    beginFetching(engine, source?.opened);
    return clone;
  }

  get mode(): CloneMode {
    return this.#mode;
  }

  /**
   * Reads up to `length` bytes at `offset`, on an ArrayBuffer of their own: fewer, or none, where
   * they lie past the end.
   */
  read(offset: number, length: number, options: CallOptions = {}): Promise<Uint8Array> {
    checkCount("length", length, 0);
    const target = new Uint8Array(this.#geometry.clip(offset, length));
    if (options.signal === undefined && this.#readNow(offset, target)) {
      return this.#turns.take()?.then(() => target) ?? Promise.resolve(target);
    }
    return this.#readLater(offset, target, options).then(() => target);
  }

  /** Reads into `target`, and returns how many bytes: fewer than it holds only at the end. */
  async readInto(offset: number, target: Uint8Array, options: CallOptions = {}): Promise<number> {
    const length = this.#geometry.clip(offset, target.length);
    const part = length === target.length ? target : target.subarray(0, length);
    await this.#readLater(offset, part, options);
    return length;
  }

  /**
   * The same at once, without a promise, where every byte is local and few enough for the
   * destination to be quick. Returns undefined otherwise: `readInto` then does it.
   */
  readIntoSync(offset: number, target: Uint8Array): number | undefined {
    const length = this.#geometry.clip(offset, target.length);
    const part = length === target.length ? target : target.subarray(0, length);
    return this.#readNow(offset, part) ? length : undefined;
  }

  /**
   * Writes all of `bytes` at `offset`; never to the source. It survives a crash after `flush`.
   *
   * @throws {RangeError} when the bytes go past the end.
   * @throws {HeadwaterError} `READ_ONLY` when the mode does not allow it.
   */
  async write(offset: number, bytes: Uint8Array, options: CallOptions = {}): Promise<void> {
    this.#checkWritable(offset, bytes.length);
    await this.#engine.writer.write(offset, bytes, options.signal);
  }

  /** Makes the whole regions in this range read as zeros. */
  async discard(offset: number, length: number): Promise<void> {
    this.#checkWritable(offset, length);
    await this.#engine.writer.discard(offset, length);
  }

  /** Every write and discard that resolved before the call survives a crash once this resolves. */
  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#engine.committer.flush();
  }

  /** Resolves when the ranges are local. They are brought before everything else. */
  async hydrate(options: HydrateOptions = {}): Promise<void> {
    this.#checkOpen();
    const { ranges, priority = 0, signal } = options;
    const runs = ranges?.map(({ offset, length }) => this.#geometry.runOf(offset, length));
    await this.#engine.hydration.hydrate(runs, priority, signal);
  }

  /**
   * Resolves when the whole is local, flushed, and has its final name.
   *
   * @throws {HeadwaterError} the reason why hydration cannot go on: `STALLED`, `SOURCE_CHANGED`,
   *   `DESTINATION_FULL` and others; `CLOSED` when the clone is closed before.
   */
  hydrated(): Promise<void> {
    return this.#engine.hydration.hydrated();
  }

  /** Where hydration stands, every `intervalMs` (default 250), until it is complete or stalled. */
  progress(options: CallOptions & { intervalMs?: number } = {}): AsyncGenerator<Progress> {
    const { intervalMs = 250, signal } = options;
    return progress(this.#engine, checkCount("intervalMs", intervalMs), signal);
  }

  /** Nothing new is fetched in the background until `resume`. Reads go on. */
  pause(): void {
    this.#checkOpen();
    this.#engine.hydration.pause();
  }

  /** Ends a pause or a stall. What failed is tried again at once. */
  resume(): void {
    this.#checkOpen();
    this.#engine.hydration.resume();
  }

  /** @throws {RangeError} naming the option that is out of its range. */
  configure(options: LiveOptions): void {
    this.#checkOpen();
    configure(this.#engine, options);
  }

  /** How many bytes of this range are local. */
  hydratedBytesIn(offset: number, length: number): number {
    return hydratedBytes(this.#engine, offset, this.#geometry.clip(offset, length));
  }

  /** What is not local yet, in order. */
  *missing(): Generator<ByteRange, void, undefined> {
    const { geometry, map } = this.#engine;
    for (const { first, end } of map.missingRuns()) {
      yield { offset: geometry.offsetOf(first), length: geometry.lengthOf(first, end) };
    }
  }

  status(): CloneStatus {
    const strongIdentity = this.#options.source?.strongIdentity ?? true;
    return describe(this.#engine, this.#mode, this.#modeError, strongIdentity);
  }

  /** What was read and what it cost, since this clone was opened. */
  stats(): CloneStats {
    return this.#engine.ledger.stats();
  }

  /**
   * Ends what is under way, stores how far the copy came, and lets go. Resolves when nothing is in
   * flight any more; a second call waits for the first.
   *
   * @throws {HeadwaterError} when the last flush failed: what was written since the one before may
   *   be lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#stop();
      if (this.#mode === "read-write") await this.#engine.committer.flush();
    } finally {
      await this.#releaseSource();
      await this.#options.closed?.();
    }
  }

  async #stop(): Promise<void> {
    await this.#engine.stop(new HeadwaterError("CLOSED", "the clone is closed"));
  }

  async #releaseSource(): Promise<void> {
    if (this.#isSourceReleased || !this.#options.ownsSource) return;
    this.#isSourceReleased = true;
    await this.#options.source?.close();
  }

  #landed(run: Run, by: "demand" | "background" | "write"): void {
    const { geometry, hydration } = this.#engine;
    const offset = geometry.offsetOf(run.first);
    const length = geometry.lengthOf(run.first, run.end);
    if (by !== "write") this.emit("landed", { offset, length, class: by });
    hydration.landed(length);
  }

  #commitFailed(error: HeadwaterError): void {
    if (this.#mode !== "read-write" || error.code === "DESTINATION_FULL") return;
    this.#mode = "read-only";
    this.#modeError = error;
    this.emit("mode", this.#mode);
  }

  #readNow(offset: number, target: Uint8Array): boolean {
    if (this.#closing !== undefined) this.#checkOpen();
    return this.#engine.router.readIntoSync(offset, target);
  }

  async #readLater(offset: number, target: Uint8Array, options: CallOptions): Promise<void> {
    this.#checkOpen();
    await this.#engine.router.readInto(offset, target, options.signal);
    await this.#turns.take();
  }

  #checkWritable(offset: number, length: number): void {
    this.#checkOpen();
    checkCount("length", length, 0);
    if (this.#geometry.clip(offset, length) !== length) {
      throw new RangeError(`${length} bytes at ${offset} go past the end at ${this.size}`);
    }
    if (this.#mode !== "read-write") {
      throw new HeadwaterError("READ_ONLY", `the clone is ${this.#mode}`, {
        offset,
        length,
        cause: this.#modeError,
      });
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new HeadwaterError("CLOSED", "the clone is closed");
  }
}
