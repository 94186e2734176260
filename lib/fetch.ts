import type { ByteRate } from "./byte-rate.ts";
import type { CheckedDestination, CheckedSource } from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import type { ByteRange, RequestClass } from "./device.ts";
import { HeadwaterError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import type { Ledger } from "./ledger.ts";
import { PendingBytes } from "./pending-bytes.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
import { RegionWaiters } from "./region-waiters.ts";
import type { Scheduler } from "./scheduler.ts";

/** Whole regions are written once so many bytes of them have arrived; sooner if somebody waits. */
const LANDING_SIZE: number = 256 * 2 ** 10;

/** What all fetches of a clone share. */
export interface FetchContext {
  readonly source: CheckedSource;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly locks: RegionLocks;
  readonly ledger: Ledger;
  readonly scheduler: Scheduler;
  readonly rate: ByteRate;
  readonly clock: Clock;
  /** Who brings which region now. A fetch lands only what it still holds here. */
  readonly claims: Map<number, Fetch>;
  /** Called after regions were written and marked. */
  landed(run: Run, by: RequestClass): void;
  /** Beginnings of regions whose fetch broke off: the next one goes on from there. */
  readonly beginnings: Map<number, PendingBytes>;
}

export interface FetchRequest extends Run {
  readonly class: RequestClass;
  /** Something of this was asked for before, and failed. */
  readonly retry: boolean;
  /** What opening the source already asked for: taken over as it is. */
  readonly opened?: ByteRange;
}

/** How a fetch ended. */
export interface FetchEnd {
  readonly error: HeadwaterError | undefined;
  /** The first region that was claimed and did not land. */
  readonly failed: number | undefined;
  readonly landedCount: number;
}

/**
 * Brings one run of regions from the source to the destination. Each region lands, and wakes who
 * waits for it, as soon as its own bytes are there. Its claims were made before; it gives back
 * those that it could not serve.
 */
export class Fetch {
  readonly first: number;
  readonly end: number;
  readonly class: RequestClass;
  /** Never rejects. */
  readonly done: Promise<FetchEnd>;
  readonly #context: FetchContext;
  readonly #request: FetchRequest;
  readonly #range: ByteRange;
  readonly #abort = new AbortController();
  readonly #waiters = new RegionWaiters();
  readonly #pending: PendingBytes;
  readonly #startedAt: number;
  #firstByteAt: number | undefined;
  /** Since when the source owes us a piece; undefined while we are busy ourselves. */
  #owedSince: number | undefined;
  #landing: Promise<void> = Promise.resolve();
  #landedCount = 0;
  #hurry = (): void => {};
  /** The end of the last region still claimed. */
  #wantedEnd: number;

  constructor(context: FetchContext, request: FetchRequest) {
    this.#context = context;
    this.#request = request;
    this.first = request.first;
    this.end = request.end;
    this.class = request.class;
    const { geometry, beginnings, claims } = context;
    for (let region = this.first; region < this.end; region += 1) claims.set(region, this);
    this.#wantedEnd = this.end;
    const start = geometry.offsetOf(this.first);
    this.#pending = beginnings.get(this.first) ?? new PendingBytes(request.opened?.offset ?? start);
    beginnings.delete(this.first);
    const offset = this.#pending.end;
    this.#range = request.opened ?? { offset, length: geometry.offsetOf(this.end) - offset };
    this.#startedAt = context.clock.now();
    this.done = this.#run();
  }

  /** Where the next byte to arrive belongs. */
  get position(): number {
    return this.#pending.end;
  }

  /** Milliseconds since it was asked for; undefined once it delivers. */
  get waitedMs(): number | undefined {
    if (this.#firstByteAt !== undefined) return undefined;
    return this.#context.clock.now() - this.#startedAt;
  }

  /** Resolves when the region has landed, or is no longer brought by this fetch. */
  settled(region: number): Promise<void> {
    const settled = this.#waiters.wait(region);
    this.#hurry();
    if (this.#context.geometry.offsetOf(region + 1) <= this.position) this.#land();
    return settled;
  }

  /** Claims were taken away: what still arrives of those regions is dropped. */
  dropped(first: number, end: number): void {
    this.#waiters.resolve(first, end);
    while (this.#wantedEnd > this.first && !this.#holds(this.#wantedEnd - 1)) this.#wantedEnd -= 1;
    if (this.#hasAllWanted() && this.position < this.#rangeEnd) this.#abort.abort(LEFT);
  }

  /** Gives up if the source has kept us waiting for longer than `limitMs`. */
  checkStall(now: number, limitMs: number): void {
    if (this.#owedSince === undefined || now - this.#owedSince < limitMs) return;
    this.abort(
      new HeadwaterError("TIMEOUT", `the source sent nothing for ${limitMs} ms`, {
        offset: this.position,
        retryable: true,
      }),
    );
  }

  abort(error: HeadwaterError): void {
    this.#abort.abort(error);
  }

  async #run(): Promise<FetchEnd> {
    let error: unknown;
    try {
      await this.#receive();
    } catch (thrown) {
      if (thrown !== LEFT) error = thrown;
    }
    // What arrived whole is good, whatever happened afterwards.
    this.#land();
    try {
      await this.#landing;
    } catch (thrown) {
      error = thrown;
    }
    this.#report();
    return this.#release(error as HeadwaterError | undefined);
  }

  async #receive(): Promise<void> {
    const { source, clock, ledger, scheduler, rate } = this.#context;
    const account = this.#request.retry ? "retry" : this.class;
    const stream = source.stream(this.#range.offset, this.#range.length, {
      signal: this.#abort.signal,
      class: this.class,
      meter: ledger.meter(account),
    });
    this.#owedSince = clock.now();
    for await (const piece of stream) {
      this.#owedSince = undefined;
      this.#firstByteAt ??= clock.now();
      this.#pending.add(piece);
      if (this.#isLandingDue()) this.#land();
      // At the very end the stream is asked once more, so that it ends by itself.
      if (this.#hasAllWanted() && this.position < this.#rangeEnd) return;
      if (this.#pending.length >= 2 * LANDING_SIZE) await this.#landing;
      if (this.class === "background") {
        scheduler.arrived(piece.length);
        if (rate.bytesPerSecond > 0) await this.#throttle(piece.length);
      }
      this.#owedSince = clock.now();
    }
  }

  get #rangeEnd(): number {
    return this.#range.offset + this.#range.length;
  }

  #hasAllWanted(): boolean {
    return this.position >= this.#context.geometry.offsetOf(this.#wantedEnd);
  }

  /** Regions that are whole are taken to the destination, after those before them. */
  #land(): void {
    const { geometry } = this.#context;
    const first = geometry.regionEnd(this.#pending.start);
    const end =
      this.position === geometry.size ? geometry.regionCount : geometry.regionAt(this.position);
    const lead = geometry.offsetOf(first) - this.#pending.start;
    if (end <= first) return;
    // Only what opening a source brought can begin in the middle of a region.
    if (lead > 0) this.#lose(this.#pending.take(lead).length);
    const bytes = this.#pending.take(geometry.lengthOf(first, end));
    this.#landing = this.#landing.then(() => this.#landRuns(first, end, bytes));
    this.#landing.catch((error) => this.#abort.abort(error));
  }

  /** A write or a discard may have taken some of the regions meanwhile: those are left out. */
  async #landRuns(first: number, end: number, bytes: PendingBytes): Promise<void> {
    const { locks, destination, geometry, map, claims, ledger } = this.#context;
    const release = await locks.acquire(first, end);
    try {
      let region = first;
      while (region < end) {
        const mine = this.#holds(region);
        let next = region + 1;
        while (next < end && this.#holds(next) === mine) next += 1;
        const run = { first: region, end: next };
        const part = bytes.take(geometry.lengthOf(region, next));
        region = next;
        if (!mine) {
          this.#lose(part.length);
          continue;
        }
        await destination.write(part.start, part.pieces);
        map.markHydrated(run.first, run.end);
        ledger.landedBytes += part.length;
        this.#landedCount += run.end - run.first;
        for (let landed = run.first; landed < run.end; landed += 1) claims.delete(landed);
        this.#waiters.resolve(run.first, run.end);
        this.#context.landed(run, this.class);
      }
    } finally {
      release();
    }
  }

  #isLandingDue(): boolean {
    const { geometry } = this.#context;
    const whole = geometry.regionAt(this.position);
    const first = geometry.regionAt(this.#pending.start);
    if (geometry.lengthOf(first, whole) >= LANDING_SIZE) return true;
    return this.#waiters.some(first, whole);
  }

  /** Keeps to the byte rate, unless somebody waits for this fetch. */
  async #throttle(bytes: number): Promise<void> {
    const { rate, clock } = this.#context;
    const waitMs = rate.take(bytes);
    if (waitMs <= 0 || this.#waiters.size > 0) return;
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    await Promise.race([clock.sleep(waitMs, this.#abort.signal), hurried]);
  }

  #release(error: HeadwaterError | undefined): FetchEnd {
    const { claims, beginnings, geometry } = this.#context;
    let failed: number | undefined;
    for (let region = this.first; region < this.end; region += 1) {
      if (!this.#holds(region)) continue;
      failed ??= region;
      claims.delete(region);
    }
    const begun = geometry.regionAt(this.#pending.start);
    const keep = begun === failed && this.#pending.start === geometry.offsetOf(begun);
    if (keep && this.#pending.length > 0 && error?.code !== "SOURCE_CHANGED") {
      beginnings.set(begun, this.#pending);
    } else {
      this.#lose(this.#pending.length);
    }
    if (error === undefined) this.#waiters.resolve(this.first, this.end);
    else this.#waiters.reject(error);
    return { error, failed, landedCount: this.#landedCount };
  }

  #report(): void {
    if (this.#firstByteAt === undefined || this.#request.opened !== undefined) return;
    this.#context.scheduler.report({
      class: this.class,
      bytes: this.position - this.#range.offset,
      firstByteMs: this.#firstByteAt - this.#startedAt,
      transferMs: this.#context.clock.now() - this.#firstByteAt,
    });
  }

  #lose(bytes: number): void {
    this.#context.ledger.abandonedBytes += bytes;
  }

  #holds(region: number): boolean {
    return this.#context.claims.get(region) === this;
  }
}

/** The reason with which a fetch leaves a stream of which it needs nothing more. */
const LEFT: symbol = Symbol("nothing more is wanted");
