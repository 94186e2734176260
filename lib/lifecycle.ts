import type { EventEmitter } from "node:events";
import { Access, type Purpose } from "./access.ts";
import { advancedCopy, changesSince, type Version } from "./advance.ts";
import { loadBitmaps } from "./bitmap.ts";
import type { CloneOptions } from "./clone-options.ts";
import type {
  ByteRange,
  DestinationDevice,
  RequestClass,
  SourceDevice,
  SourceOpener,
} from "./device.ts";
import { beginFetching, behaviorOf, type Engine, type EngineEvents, makeEngine } from "./engine.ts";
import { HeadwaterError } from "./errors.ts";
import type { Run } from "./region-map.ts";
import { openSource, replaceSource } from "./replace-source.ts";
import { Rest } from "./rest.ts";
import type { CloneEvents, HydrationState } from "./status.ts";
import { believedMap } from "./stored-copy.ts";
import { Succession } from "./succession.ts";
import { suspend } from "./suspend.ts";

/** With this the waits of a former version end: they begin again with the new one. */
const ADVANCED: HeadwaterError = new HeadwaterError("SOURCE_CHANGED", "the clone has advanced");

/**
 * What a clone goes through as a whole: suspensions, other sources, lesser modes, its end; and what
 * its users are told of it.
 */
export class Lifecycle implements EngineEvents {
  readonly access: Access = new Access();
  #engine: Engine;
  #options: CloneOptions;
  readonly #emitter: EventEmitter<CloneEvents>;
  /** To be closed by us when it is no longer needed. */
  #ownSource: SourceDevice | undefined;
  #isHandedOver = false;
  #closing: Promise<void> | undefined;
  readonly #ending = new AbortController();
  /** The last advance. Never rejects. */
  #advancing: Promise<void> = Promise.resolve();
  readonly #rest = new Rest();
  readonly #succession: Succession;
  /** Whether the stored map can be believed is being found out. Never rejects. */
  #doubt: Promise<void> = Promise.resolve();

  constructor(engine: Engine, options: CloneOptions, emitter: EventEmitter<CloneEvents>) {
    this.#engine = engine;
    this.#options = options;
    this.#emitter = emitter;
    this.#ownSource = options.ownsSource ? options.source : undefined;
    this.#succession = new Succession(this, options.autoAdvance ?? true);
    this.#tellOpened();
  }

  /** That of the version that the clone is of now. */
  get engine(): Engine {
    return this.#engine;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Not before who opens the clone, and has it in a moment, could begin to listen. */
  #tellOpened(): void {
    if (this.#engine.copy.advanced === undefined) return;
    const { behavior, closing } = this.#engine;
    void behavior.clock.sleep(0, closing).then(
      () => this.#tellAdvanced(),
      () => {}, // closed before
    );
  }

  /** Runs `work` when it may be done, again where the clone advanced meanwhile. */
  async run<Result>(
    purpose: Purpose,
    signal: AbortSignal | undefined,
    work: (engine: Engine) => Promise<Result>,
  ): Promise<Result> {
    while (true) {
      let engine = this.#engine;
      const begin = (): Promise<Result> => {
        engine = this.#engine; // after a suspension
        return work(engine);
      };
      try {
        return await this.access.during(purpose, signal, begin);
      } catch (error) {
        if (error !== ADVANCED) await this.#succession.follow(engine, error, signal);
      }
    }
  }

  /** The same for what only waits: no suspension waits for it. */
  async await<Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> {
    while (true) {
      const engine = this.#engine;
      try {
        return await work(engine);
      } catch (error) {
        if (error !== ADVANCED) await this.#succession.follow(engine, error);
        await this.access.reopened();
      }
    }
  }

  /** Returns what ends this suspension. */
  suspend(): Promise<() => void> {
    const { access } = this;
    return suspend(this.#engine, { access, rest: this.#rest, doubt: () => this.#doubt });
  }

  async reconnect(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    this.access.check("read");
    await replaceSource(this.#engine, to, signal, ({ device, isOurs }) => {
      const before = this.#ownSource;
      this.#ownSource = isOurs ? device : undefined;
      return before;
    });
    const isComplete = this.#engine.hydration.state === "complete";
    if (this.#closing !== undefined || isComplete) await this.releaseSource();
  }

  /** One after the other. */
  async advance(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    const advancing = this.#advancing.then(() => this.#advance(to, signal));
    this.#advancing = advancing.catch(() => {});
    await advancing;
  }

  async handOver(): Promise<DestinationDevice> {
    await this.await(({ hydration }) => hydration.hydrated());
    this.access.check("write");
    await this.access.suspend();
    try {
      await this.#engine.committer.settle();
    } catch (error) {
      this.access.reopen();
      throw error;
    }
    this.#isHandedOver = true;
    await this.#stop(new HeadwaterError("CLOSED", "the destination was handed over"));
    return this.#options.destination;
  }

  landed(run: Run, by: RequestClass | "write" | "zeros"): void {
    const { geometry, hydration } = this.#engine;
    const offset = geometry.offsetOf(run.first);
    const length = geometry.lengthOf(run.first, run.end);
    const isFetched = by === "demand" || by === "background";
    if (isFetched) this.#emitter.emit("landed", { offset, length, class: by });
    hydration.landed(length);
  }

  changed(state: HydrationState, error: HeadwaterError | undefined): void {
    if (state === "complete") void this.releaseSource();
    if (state === "complete") this.#emitter.emit("hydrated");
    else if (state === "paused") this.#emitter.emit("paused", error);
    else if (state === "running") this.#emitter.emit("resumed");
    else if (state === "stalled" && error !== undefined) this.#stalled(error);
  }

  /** Unless it goes on with a later version. */
  #stalled(error: HeadwaterError): void {
    this.#succession.follow(this.#engine, error).catch((error: HeadwaterError) => {
      this.#emitter.emit("stalled", error);
    });
  }

  quarantined(range: ByteRange, error: HeadwaterError): void {
    this.#emitter.emit("quarantined", { ...range, error });
  }

  /** What failed to become durable cannot be made so by trying again: nobody knows what is lost. */
  commitFailed(error: HeadwaterError): void {
    if (this.access.mode !== "read-write" || error.code === "DESTINATION_FULL") return;
    this.#degrade("read-only", error);
    this.#engine.hydration.gaveUp({ error, reaction: "stall" });
    const { mapStore } = this.#options;
    if (mapStore === undefined) return;
    this.#doubt = believedMap(mapStore).then(
      () => {},
      (cause: HeadwaterError) => this.#degrade("failed", cause),
    );
  }

  async releaseSource(): Promise<void> {
    const source = this.#ownSource;
    this.#ownSource = undefined;
    await source?.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ending.abort(new HeadwaterError("CLOSED", "the clone is closed"));
    await this.#advancing;
    try {
      await this.#stop(new HeadwaterError("CLOSED", "the clone is closed"));
      const isDue = this.access.mode === "read-write" && !this.#isHandedOver;
      if (isDue) await this.#engine.committer.settle();
    } finally {
      await this.#engine.committer.idle(); // of a suspension that began before
      await this.#doubt;
      await this.releaseSource();
      await this.#options.closed?.();
    }
  }

  async #stop(error: HeadwaterError): Promise<void> {
    this.access.close(error);
    await this.#engine.stop(error);
    await this.access.idle("read", "write"); // what was let in before goes on to its end
  }

  async #advance(to: SourceDevice | SourceOpener, given: AbortSignal | undefined): Promise<void> {
    this.access.check("write");
    const ending = this.#ending.signal;
    const signal = given === undefined ? ending : AbortSignal.any([given, ending]);
    const { device, isOurs } = await openSource(to, { signal });
    const before = this.#ownSource;
    try {
      const isNew = device.identity !== this.#engine.copy.identity;
      if (isNew) await this.#switchTo(device, signal);
      else if (device.size !== this.#engine.copy.sourceSize) throw this.#foreign(device);
      if (isOurs && !isNew) await device.close();
      if (!isNew) return;
    } catch (error) {
      if (isOurs) await device.close();
      throw error;
    }
    this.#ownSource = isOurs ? device : undefined;
    await before?.close();
  }

  /** Readers wait meanwhile; those that were let in begin again, with the new version. */
  async #switchTo(source: SourceDevice, signal: AbortSignal): Promise<void> {
    const from = this.#engine;
    const { committer, hydration } = from;
    this.access.hold();
    try {
      await this.access.idle("write");
      if (committer.written) throw this.#foreign(source);
      const library = await loadBitmaps();
      const changes = await changesSince(source, from.copy.identity, signal);
      const isWhole = hydration.state === "complete";
      const putInPlace = isWhole ? await this.#options.destination.unfinish?.() : undefined;
      this.access.check("write");
      await from.stop(ADVANCED);
      await this.access.idle("read");
      await committer.idle();
      const copy = await advancedCopy(library, versionOf(from), source, changes);
      this.#options = { ...this.#options, source };
      const { ledger } = from;
      const start = { ledger, ...(putInPlace && { putInPlace }) };
      const behavior = behaviorOf(from);
      const engine = makeEngine(this.#options, copy, behavior, () => this, start);
      this.#engine = engine;
      if (hydration.state === "paused" && hydration.error === undefined) engine.hydration.pause();
      beginFetching(engine, source.opened);
    } finally {
      this.access.reopen();
    }
    this.#tellAdvanced();
  }

  #tellAdvanced(): void {
    const { advanced } = this.#engine.copy;
    if (advanced !== undefined) this.#emitter.emit("advanced", advanced);
  }

  #foreign({ identity, size }: SourceDevice): HeadwaterError {
    const { copy, committer } = this.#engine;
    const why = committer.written ? ", and holds what was written to it" : "";
    return new HeadwaterError(
      "SOURCE_CHANGED",
      `the copy is of ${copy.identity}${why}; it cannot become one of ${identity}, ${size} bytes`,
    );
  }

  #degrade(mode: "read-only" | "failed", error: HeadwaterError): void {
    this.access.degrade(mode, error);
    this.#emitter.emit("mode", mode);
  }
}

/** As far as the copy has come, which may be further than what is stored. */
function versionOf({ copy, geometry, map, committer }: Engine): Version {
  return { geometry, map, identity: copy.identity, stored: committer.state };
}
