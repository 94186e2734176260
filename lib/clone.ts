import { EventEmitter } from "node:events";
import type { Access } from "./access.ts";
import { checkCount } from "./assert.ts";
import { loadBitmaps } from "./bitmap.ts";
import {
  type CallOptions,
  type CloneOptions,
  type CloneReadOptions,
  checkBehavior,
  type HydrateOptions,
  type LiveOptions,
  type ProgressOptions,
  type WriteOptions,
} from "./clone-options.ts";
import { describe } from "./describe.ts";
import type { ByteRange, DestinationDevice, SourceDevice, SourceOpener } from "./device.ts";
import { beginFetching, configure, type Engine, makeEngine } from "./engine.ts";
import { Lifecycle } from "./lifecycle.ts";
import { hydratedBytes, hydratedRuns, missing, writtenRanges } from "./local-ranges.ts";
import { hydrateNamed, traceReads, warmUp } from "./named.ts";
import { progress } from "./progress.ts";
import type {
  CloneEvents,
  CloneMode,
  CloneStats,
  CloneStatus,
  HydratedRun,
  Progress,
} from "./status.ts";
import { checkRoom, openStoredCopy } from "./stored-copy.ts";
import type { Trace } from "./trace.ts";
import { Turns } from "./turns.ts";
import type { Writer } from "./writer.ts";

/**
 * A remote source and a local destination as one device. A read is served by the destination where
 * it is hydrated and by the source where it is not; the rest is copied in the background, until
 * the destination needs the source no more. Sizes are in bytes.
 */
export class Clone extends EventEmitter<CloneEvents> implements AsyncDisposable {
  readonly regionSize: number;
  readonly #life: Lifecycle;
  readonly #access: Access;
  readonly #turns = new Turns();

  private constructor(options: CloneOptions, engine: Engine) {
    super();
    this.#life = new Lifecycle(engine, options, this);
    this.#access = this.#life.access;
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
    const { source, destination } = options;
    const copy = await openStoredCopy(await loadBitmaps(), options);
    checkRoom(destination, copy);
    const behavior = checkBehavior(options, copy.geometry.regionSize);
    const engine = makeEngine(options, copy, behavior, () => clone.#life);
    const clone = new Clone(options, engine);
    if (engine.hydration.state === "complete") await clone.#life.releaseSource();
    else beginFetching(engine, source?.opened);
    warmUp(engine, options.warm);
    return clone;
  }

  /** Constant, unless the clone advances to another version of its source. */
  get size(): number {
    return this.#engine.geometry.size;
  }

  get mode(): CloneMode {
    return this.#access.mode;
  }

  /** Reads up to `length` bytes at `offset`, on an ArrayBuffer of their own: fewer past the end. */
  read(offset: number, length: number, options: CloneReadOptions = {}): Promise<Uint8Array> {
    try {
      const { geometry } = this.#engine;
      const target = new Uint8Array(geometry.clip(offset, checkCount("length", length, 0)));
      const isNow = options.signal === undefined && !options.exact && this.#readNow(offset, target);
      if (isNow) return this.#turns.take()?.then(() => target) ?? Promise.resolve(target);
      return this.#readLater(offset, target, options).then((length) =>
        length === target.length ? target : target.slice(0, length),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Reads into `target`. Returns how many bytes: fewer than it holds only at the end. */
  readInto(offset: number, target: Uint8Array, options: CloneReadOptions = {}): Promise<number> {
    return this.#readLater(offset, target, options);
  }

  /**
   * The same at once, without a promise, where every byte is local and few enough for the
   * destination to be quick. Returns undefined otherwise: `readInto` then does it.
   */
  readIntoSync(offset: number, target: Uint8Array): number | undefined {
    const length = this.#engine.geometry.clip(offset, target.length);
    const part = length === target.length ? target : target.subarray(0, length);
    return this.#readNow(offset, part) ? length : undefined;
  }

  /** Has ranges fetched that will soon be read, as far as there is room. Nobody waits. */
  prefetch(ranges: readonly ByteRange[]): void {
    if (this.#access.isUnrestricted) this.#engine.router.prefetch(ranges);
  }

  /**
   * Writes all of `bytes` at `offset`; never to the source. It survives a crash after `flush`.
   *
   * @throws {RangeError} when the bytes go past the end.
   * @throws {HeadwaterError} `READ_ONLY` when the mode does not allow it.
   */
  async write(offset: number, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    this.#engine.geometry.checkInside(offset, bytes.length);
    await this.#change(options, (writer) => writer.write(offset, bytes, options));
  }

  /** Writes `length` zeros at `offset`, as `write` would. */
  async writeZeroes(offset: number, length: number, options: WriteOptions = {}): Promise<void> {
    this.#engine.geometry.checkInside(offset, length);
    await this.#change(options, (writer) => writer.writeZeroes(offset, length, options));
  }

  /** Makes the whole regions in this range read as zeros. */
  async discard(offset: number, length: number, options: WriteOptions = {}): Promise<void> {
    this.#engine.geometry.checkInside(offset, length);
    await this.#change(options, (writer) => writer.discard(offset, length, options));
  }

  /** Every write and discard that resolved before the call survives a crash once this resolves. */
  async flush(options: CallOptions = {}): Promise<void> {
    await this.#life.run("write", options.signal, ({ committer }) => committer.flush());
  }

  /** Resolves when the ranges are local. They are brought before everything else. */
  async hydrate(options: HydrateOptions = {}): Promise<void> {
    this.#access.check("write");
    await this.#life.await((engine) => hydrateNamed(engine, options));
  }

  /**
   * Resolves when the whole is local, flushed, and has its final name. Else it rejects with the
   * reason why hydration cannot go on, or with `CLOSED`.
   */
  hydrated(): Promise<void> {
    return this.#life.await(({ hydration }) => hydration.hydrated());
  }

  /** Where hydration stands, every so often, until what it is of is here, or hydration stalls. */
  progress(options: ProgressOptions = {}): AsyncGenerator<Progress> {
    return progress(this.#life, checkCount("intervalMs", options.intervalMs ?? 250), options);
  }

  /** Nothing new is fetched in the background until `resume`. Reads go on. */
  pause(): void {
    this.#access.check("read");
    this.#engine.hydration.pause();
  }

  /** Ends a pause or a stall. What failed is tried again at once. */
  resume(): void {
    this.#access.check("write");
    this.#engine.hydration.resume();
  }

  /** @throws {RangeError} naming the option that is out of its range. */
  configure(options: LiveOptions): void {
    this.#access.check("read");
    configure(this.#engine, options);
  }

  /**
   * Brings everything to rest: nothing touches the devices once this resolves. Reads and writes
   * wait until each suspension was ended by what it returned.
   */
  suspend(): Promise<() => void> {
    return this.#life.suspend();
  }

  /**
   * Reads from another device from here on: what was under way is asked for again. The one before
   * is closed if the clone would have closed it.
   *
   * @param to a device, which the caller closes; or an opener, whose device the clone closes.
   * @throws {HeadwaterError} `SOURCE_CHANGED` when it is of another identity or size.
   */
  reconnect(to: SourceDevice | SourceOpener, options: CallOptions = {}): Promise<void> {
    return this.#life.reconnect(to, options.signal);
  }

  /**
   * Goes on to another version of the source: what has not changed stays. Each read is of one
   * version. A finished copy becomes unfinished; its file stays until the new one is whole.
   * @param to a device that the caller closes, or an opener. Without `changedSince` nothing stays.
   * @throws {HeadwaterError} `SOURCE_CHANGED` where a user wrote: then it is a version of its own.
   */
  advance(to: SourceDevice | SourceOpener, options: CallOptions = {}): Promise<void> {
    return this.#life.advance(to, options.signal);
  }

  /** Past the former end it reads as zeros, and is never fetched. `flush` makes it durable. */
  resize(size: number): Promise<void> {
    return this.#life.resize(size);
  }

  /**
   * Waits for what `hydrated` waits for, and hands over the destination, open: the clone refuses
   * everything from then on, and lets go of lock and files with `close`. Throws what `flush` does.
   */
  handOver(): Promise<DestinationDevice> {
    return this.#life.handOver();
  }

  /** How many bytes of this range are local. */
  hydratedBytesIn(offset: number, length: number): number {
    return hydratedBytes(this.#engine, offset, this.#engine.geometry.clip(offset, length));
  }

  /** What is not local yet, in order. */
  missing(): Generator<ByteRange> {
    return missing(this.#engine);
  }

  /** What was written or discarded since the copy began, in whole regions, in order. */
  written(): Generator<ByteRange> {
    return writtenRanges(this.#engine);
  }

  /** The range, as far as it lies inside, in parts that are local and parts that are not. */
  hydratedRuns(offset: number, length: number): Generator<HydratedRun, void, undefined> {
    return hydratedRuns(this.#engine, offset, this.#engine.geometry.clip(offset, length));
  }

  /** What was read since the first call, in that order: for `warm` when the blob is next opened. */
  trace(): Trace {
    return traceReads(this.#engine);
  }

  status(): CloneStatus {
    return describe(this.#engine, this.#access);
  }

  /** What was read and what it cost, since this clone was opened. */
  stats(): CloneStats {
    return this.#engine.ledger.stats();
  }

  /**
   * Ends what is under way, stores how far the copy came, and lets go. A second call waits too.
   *
   * @throws {HeadwaterError} when the last flush failed: what was written since may be lost.
   */
  close(): Promise<void> {
    return this.#life.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #engine(): Engine {
    return this.#life.engine;
  }

  #readNow(offset: number, target: Uint8Array): boolean {
    if (this.#access.isUnrestricted) return this.#engine.router.readIntoSync(offset, target);
    this.#access.check("read");
    return false;
  }

  async #readLater(at: number, target: Uint8Array, options: CloneReadOptions): Promise<number> {
    const { signal, exact } = options;
    const read = async ({ geometry, router }: Engine): Promise<number> => {
      const length = geometry.clip(at, target.length);
      const part = length === target.length ? target : target.subarray(0, length);
      await router.readInto(at, part, signal, exact);
      return length;
    };
    const length = await this.#life.run("read", signal, read);
    await this.#turns.take();
    return length;
  }

  #change(options: CallOptions, work: (writer: Writer) => Promise<void>): Promise<void> {
    return this.#life.run("write", options.signal, ({ writer }) => work(writer));
  }
}
