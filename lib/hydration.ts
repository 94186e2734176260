import type { CheckedDestination } from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import type { Committer } from "./committer.ts";
import { hydrateChannel } from "./diagnostics.ts";
import type { HeadwaterError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import type { Hydrator } from "./hydrator.ts";
import type { RegionMap, Run } from "./region-map.ts";
import type { Setbacks, Verdict } from "./setbacks.ts";
import type { HydrationState } from "./status.ts";

/** The stored map follows the copy at least this often. */
const COMMIT_MS = 1000;
/** And after each such part of the size, within these bounds in bytes. */
const COMMIT_PART: number = 1 / 128;
const MIN_COMMIT_BYTES: number = 4 * 2 ** 20;
const MAX_COMMIT_BYTES: number = 256 * 2 ** 20;

export interface HydrationContext {
  readonly map: RegionMap;
  readonly geometry: Geometry;
  readonly committer: Committer;
  readonly destination: CheckedDestination;
  readonly clock: Clock;
  /** Undefined where there is no source, and so nothing to hydrate. */
  readonly hydrator: Hydrator | undefined;
  readonly setbacks: Setbacks;
  changed(state: HydrationState, error: HeadwaterError | undefined): void;
  /** What is waited for before the whole is recorded and gets its name. */
  readonly finishing: (() => Promise<void>) | undefined;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** From the first byte to an ordinary file: what hydration is doing, and what ends it. */
export class Hydration {
  readonly #context: HydrationContext;
  readonly #commitBytes: number;
  readonly #stopTicking: () => void;
  #state: HydrationState;
  #error: HeadwaterError | undefined;
  #waiters: Waiter[] = [];
  #sinceCommit = 0;
  #finishing: Promise<void> | undefined;
  #isAsked = false;
  #mayFinish: boolean;
  #closed: HeadwaterError | undefined;
  /** Nothing new begins while somebody holds it. */
  #holds = 0;

  constructor(context: HydrationContext, isOff: boolean) {
    this.#context = context;
    this.#mayFinish = context.finishing === undefined;
    const part = context.geometry.size * COMMIT_PART;
    this.#commitBytes = Math.min(MAX_COMMIT_BYTES, Math.max(MIN_COMMIT_BYTES, part));
    this.#state = context.committer.isFinished ? "complete" : isOff ? "off" : "running";
    if (context.hydrator !== undefined) context.hydrator.scans = !isOff;
    this.#stopTicking = context.clock.every(COMMIT_MS, () => this.#commit());
  }

  get state(): HydrationState {
    return this.#state;
  }

  get error(): HeadwaterError | undefined {
    return this.#error;
  }

  /** The first move after opening. */
  start(): void {
    if (this.#closed !== undefined || this.#holds > 0) return;
    if (this.#state !== "running" && this.#state !== "off") return;
    if (this.#context.map.isComplete) this.#finish();
    else this.#context.hydrator?.start(); // goals only, while it is off
  }

  /** What is under way goes on; nothing new begins until `resume`. */
  pause(error?: HeadwaterError): void {
    if (this.#state !== "running" && this.#state !== "off") return;
    this.#context.hydrator?.stop();
    this.#become("paused", error);
    if (error !== undefined) this.#fail(error);
  }

  /** Goes on after a pause or a stall, and tries again at once what failed. */
  resume(): void {
    if (this.#state !== "paused" && this.#state !== "stalled") return;
    const { hydrator, setbacks } = this.#context;
    setbacks.forgive();
    this.#become(hydrator?.scans === false ? "off" : "running", undefined);
    this.start();
  }

  /** What is under way goes on; nothing new begins until as many calls of `release`. */
  hold(): void {
    this.#holds += 1;
    this.#context.hydrator?.stop();
  }

  /** Resolves when the destination is not being given its final name. */
  async finished(): Promise<void> {
    await this.#finishing;
  }

  release(): void {
    this.#holds -= 1;
    this.start();
  }

  /** What failed may be tried again; hydration goes on, unless the user paused it. */
  tryAgain(): void {
    if (this.#error !== undefined) this.resume();
    else this.#context.setbacks.forgive();
  }

  /** Hydration cannot go on by itself. */
  gaveUp({ error, reaction }: Verdict): void {
    if (reaction === "pause") {
      this.pause(error);
      return;
    }
    if (this.#state === "complete" || this.#state === "stalled") return;
    this.#context.hydrator?.stop();
    this.#become("stalled", error);
    this.#fail(error);
  }

  /** Brings these runs before everything else; without any, turns hydration on. */
  async hydrate(
    runs: readonly Run[] | undefined,
    priority: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    const { hydrator, map } = this.#context;
    const wanted = runs ?? [{ first: 0, end: map.regionCount }];
    if (this.#closed !== undefined) throw this.#closed;
    if (wanted.every((run) => map.areHydrated(run.first, run.end))) return;
    if (hydrator === undefined) return;
    if (this.#error !== undefined) throw this.#error;
    const reached = hydrator.goals.add(wanted, priority, signal);
    if (this.#state === "off" && runs === undefined) {
      hydrator.scans = true;
      this.#become("running", undefined);
    }
    hydrator.wake();
    await reached;
  }

  /** Resolves when the whole is here, flushed, and has its final name. */
  hydrated(): Promise<void> {
    if (this.#state === "complete") return Promise.resolve();
    const error = this.#closed ?? this.#error;
    if (error !== undefined) return Promise.reject(error);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Regions have become hydrated, in whatever way. */
  landed(bytes: number): void {
    const { hydrator, map } = this.#context;
    this.#sinceCommit += bytes;
    hydrator?.goals.settle();
    hydrator?.wake(); // there is room again
    if (map.isComplete) this.#finish();
    else if (this.#sinceCommit >= this.#commitBytes) this.#commit();
  }

  /** Stops what stores and finishes, and waits for it. */
  async close(error: HeadwaterError): Promise<void> {
    this.#closed = error;
    this.#stopTicking();
    this.#context.hydrator?.stop();
    await this.#finishing;
    this.#fail(error);
  }

  #finish(): void {
    if (this.#state === "complete" || this.#closed !== undefined) return;
    if (!this.#mayFinish) {
      this.#askToFinish();
      return;
    }
    this.#finishing ??= this.#finishOnce().finally(() => {
      this.#finishing = undefined;
    });
  }

  /** Nothing waits for the answer: until then it is a copy like any other. */
  #askToFinish(): void {
    const { finishing, map } = this.#context;
    if (this.#isAsked) return;
    this.#isAsked = true;
    const asked = finishing?.() ?? Promise.resolve();
    asked.then(
      () => {
        this.#mayFinish = true;
        if (map.isComplete) this.#finish();
      },
      (error: HeadwaterError) => this.#failedToStore(error),
    );
  }

  async #finishOnce(): Promise<void> {
    const { committer, destination, hydrator } = this.#context;
    try {
      hydrator?.stop();
      // Not finished, or finished in memory only: storing that failed before.
      if (!committer.isFinished || committer.isDirty) await committer.finish();
      await destination.device.finish?.();
    } catch (error) {
      this.#failedToStore(error as HeadwaterError);
      return;
    }
    this.#become("complete", undefined);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  #commit(): void {
    const { committer } = this.#context;
    if (this.#closed !== undefined || !committer.isDirty) return;
    this.#sinceCommit = 0;
    committer.flush().catch((error: HeadwaterError) => this.#failedToStore(error));
  }

  #failedToStore(error: HeadwaterError): void {
    this.gaveUp({ error, reaction: error.code === "DESTINATION_FULL" ? "pause" : "stall" });
  }

  #become(state: HydrationState, error: HeadwaterError | undefined): void {
    this.#state = state;
    this.#error = error;
    if (hydrateChannel.hasSubscribers) hydrateChannel.publish({ state, error });
    this.#context.changed(state, error);
  }

  #fail(error: HeadwaterError): void {
    this.#context.hydrator?.goals.fail(error);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}
