import PQueue from "p-queue";
import type { Clock } from "./clock.ts";
import type { FetchEnd } from "./fetch.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Geometry } from "./geometry.ts";
import { Goals } from "./goals.ts";
import type { RegionMap, Run } from "./region-map.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Setbacks, Verdict } from "./setbacks.ts";

export interface HydratorContext {
  readonly fetcher: Fetcher;
  readonly map: RegionMap;
  readonly geometry: Geometry;
  readonly scheduler: Scheduler;
  readonly setbacks: Setbacks;
  readonly clock: Clock;
  /** Of the byte rate; 0 is without limit. */
  bytesPerSecond(): number;
  /** Hydration cannot go on by itself. */
  gaveUp(verdict: Verdict): void;
}

export interface HydratorLimits {
  /** Regions in flight at most; 0 holds everything. */
  readonly hydrationThreshold: number;
  /** Regions in one fetch at most. */
  readonly hydrationBatchSize: number;
  /** What nobody named is left alone for a random part of this, in milliseconds. */
  readonly startJitterMs: number;
}

/** Fetches what nobody waits for: first what was named, then everything from front to back. */
export class Hydrator {
  readonly goals: Goals;
  readonly #context: HydratorContext;
  readonly #queue = new PQueue({ autoStart: false });
  /** Where the scan goes on. */
  #cursor = 0;
  #threshold: number;
  #batchSize: number;
  #waking: (() => void) | undefined;
  /** When the scan may begin. */
  readonly #scansFrom: number;

  constructor(context: HydratorContext, limits: HydratorLimits) {
    this.#context = context;
    this.goals = new Goals(context.map);
    this.#threshold = limits.hydrationThreshold;
    this.#batchSize = limits.hydrationBatchSize;
    this.#scansFrom = context.clock.now() + Math.random() * limits.startJitterMs;
    this.#queue.on("next", () => this.wake()); // a place became free
  }

  get threshold(): number {
    return this.#threshold;
  }

  set threshold(regions: number) {
    this.#threshold = regions;
    this.wake();
  }

  get batchSize(): number {
    return this.#batchSize;
  }

  set batchSize(regions: number) {
    this.#batchSize = regions;
    this.wake();
  }

  get isRunning(): boolean {
    return !this.#queue.isPaused;
  }

  /** Whether the whole blob is wanted, or only what was named. */
  scans = true;

  start(): void {
    this.#queue.start();
    this.wake();
  }

  /** What is under way goes on; nothing new begins. */
  stop(): void {
    this.#queue.pause();
    this.#queue.clear();
    this.#waking?.();
    this.#waking = undefined;
  }

  /** Something changed: there may be room or work. */
  wake(): void {
    const queue = this.#queue;
    const { scheduler, fetcher } = this.#context;
    if (queue.isPaused || fetcher.isClosed) return;
    queue.concurrency = scheduler.concurrency;
    while (queue.pending + queue.size < queue.concurrency) {
      if (!this.#hasRoom()) return;
      const run = this.#next();
      if (run === undefined) {
        if (queue.pending === 0) this.#wakeLater();
        return;
      }
      const error = fetcher.refusal(run);
      if (error !== undefined) {
        // What is under way may yet cost less than was promised.
        if (queue.pending === 0) this.#context.gaveUp({ error, reaction: "pause" });
        return;
      }
      // There is a free place, so it starts at once: a claim is never queued.
      void queue.add(() => this.#bring(run));
    }
  }

  async #bring(run: Run): Promise<void> {
    const { fetcher, setbacks, scheduler } = this.#context;
    const retry = setbacks.has(run.first);
    const end = await fetcher.start(run, "background", retry).done;
    scheduler.adapt();
    this.#judge(end);
  }

  #judge(end: FetchEnd): void {
    const { setbacks } = this.#context;
    if (!this.isRunning) return;
    const verdict = setbacks.judge(end);
    if (verdict !== undefined) this.#context.gaveUp(verdict);
  }

  /** The next run to fetch, if there is one that may be fetched now. */
  #next(): Run | undefined {
    const { setbacks, map } = this.#context;
    if (setbacks.holdMs > 0) return undefined;
    const again = setbacks.due((region) => this.#context.fetcher.isFree(region));
    if (again !== undefined && this.#isWanted(again)) return { first: again, end: again + 1 };
    for (const goal of this.goals.open()) {
      const first = this.#firstFree(goal.first, goal.end);
      if (first !== undefined) return this.#runFrom(first, goal.end);
    }
    if (!this.scans || this.#scanHoldMs > 0) return undefined;
    const first =
      this.#firstFree(this.#cursor, map.regionCount) ?? this.#firstFree(0, this.#cursor);
    if (first === undefined) return undefined;
    const run = this.#runFrom(first, map.regionCount);
    this.#cursor = run.end;
    return run;
  }

  #isWanted(region: number): boolean {
    if (this.scans) return true;
    for (const goal of this.goals.open()) {
      if (goal.first <= region && region < goal.end) return true;
    }
    return false;
  }

  #firstFree(from: number, end: number): number | undefined {
    const { map, fetcher, setbacks } = this.#context;
    let region = map.nextMissing(from);
    while (region !== undefined && region < end) {
      if (fetcher.isFree(region) && !setbacks.holds(region)) return region;
      region = map.nextMissing(fetcher.claimOf(region)?.claimedEnd ?? region + 1);
    }
    return undefined;
  }

  /** Regions in one fetch: a power of two. */
  get #grid(): number {
    const { geometry, scheduler, bytesPerSecond } = this.#context;
    const rate = bytesPerSecond();
    const bytes = rate === 0 ? scheduler.fetchSize : Math.min(scheduler.fetchSize, rate);
    const regions = Math.min(geometry.regionsIn(bytes), this.#batchSize, this.#threshold);
    return 2 ** Math.floor(Math.log2(regions));
  }

  /** Whether a whole fetch more stays within the threshold. */
  #hasRoom(): boolean {
    if (this.#threshold === 0) return false;
    return this.#context.fetcher.claimedCount + this.#grid <= this.#threshold;
  }

  /** On a fixed grid, so that many clones of one blob ask for the same ranges. */
  #runFrom(first: number, limit: number): Run {
    const { fetcher, setbacks } = this.#context;
    const grid = this.#grid;
    const gridEnd = (Math.floor(first / grid) + 1) * grid;
    const run = fetcher.runFrom(first, Math.min(limit, gridEnd));
    let end = first + 1;
    while (end < run.end && !setbacks.holds(end)) end += 1;
    return { first, end };
  }

  get #scanHoldMs(): number {
    return this.#scansFrom - this.#context.clock.now();
  }

  /** Nothing can be fetched now; something can be later. */
  #wakeLater(): void {
    const { setbacks, clock } = this.#context;
    const holdMs = this.#scanHoldMs;
    const scanMs = this.scans && holdMs > 0 ? holdMs : Number.POSITIVE_INFINITY;
    const waitMs = Math.min(setbacks.nextMs ?? Number.POSITIVE_INFINITY, scanMs);
    if (waitMs === Number.POSITIVE_INFINITY || this.#waking !== undefined) return;
    const abort = new AbortController();
    this.#waking = () => abort.abort();
    clock.sleep(waitMs, abort.signal).then(
      () => {
        this.#waking = undefined;
        this.wake();
      },
      () => {}, // stopped
    );
  }
}
