import { assert } from "./assert.ts";
import type { Budget, Purchase } from "./budget.ts";
import type { ByteRate } from "./byte-rate.ts";
import { stalled } from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import type { ByteRange, RequestClass } from "./device.ts";
import type { HeadwaterError } from "./errors.ts";
import { hedgedStream } from "./hedged-stream.ts";
import type { Hedging } from "./hedging.ts";
import { Landing, type LandingContext } from "./landing.ts";
import { PendingBytes } from "./pending-bytes.ts";
import type { Run } from "./region-map.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { Scheduler } from "./scheduler.ts";

/** What all fetches of a clone share. */
export interface FetchContext extends LandingContext {
  readonly scheduler: Scheduler;
  readonly rate: ByteRate;
  readonly retries: RetryPolicy;
  readonly budget: Budget;
  /** Undefined where no request is to be made twice. */
  readonly hedging: Hedging | undefined;
  readonly clock: Clock;
  /** Who brings which region now. A fetch lands only what it still holds here. */
  readonly claims: Map<number, Fetch>;
  /** Beginnings of regions whose fetch broke off: the next one goes on from there. */
  readonly beginnings: Map<number, PendingBytes>;
  /** Called after regions were written and marked. */
  landed(run: Run, by: RequestClass): void;
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
 * waits for it, as soon as its own bytes are there. It claims its regions when it begins, and gives
 * back those that it could not serve.
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
  readonly #landing: Landing;
  readonly #abort = new AbortController();
  readonly #startedAt: number;
  readonly #purchase: Purchase;
  #hedge: Purchase | undefined;
  #firstByteAt: number | undefined;
  /** Since when the source owes us a piece; undefined while we are busy ourselves. */
  #owedSince: number | undefined;
  #hurry = (): void => {};
  /** The end of the last region still claimed. */
  #wantedEnd: number;

  constructor(context: FetchContext, request: FetchRequest) {
    this.#context = context;
    this.#request = request;
    this.first = request.first;
    this.end = request.end;
    this.class = request.class;
    this.#wantedEnd = request.end;
    const { geometry, beginnings, claims } = context;
    for (let region = this.first; region < this.end; region += 1) {
      assert(!claims.has(region), `region ${region} is claimed twice`);
      claims.set(region, this);
    }
    const start = request.opened?.offset ?? geometry.offsetOf(this.first);
    const begun = beginnings.get(this.first) ?? new PendingBytes(start);
    beginnings.delete(this.first);
    const { end: offset } = begun;
    this.#range = request.opened ?? { offset, length: geometry.offsetOf(this.end) - offset };
    this.#landing = new Landing(
      context,
      {
        holds: (region) => this.#holds(region),
        landed: (run) => {
          for (let region = run.first; region < run.end; region += 1) claims.delete(region);
          context.landed(run, this.class);
        },
        failed: (error) => this.#abort.abort(error),
      },
      begun,
    );
    this.#startedAt = context.clock.now();
    const account = request.retry ? "retry" : request.class;
    this.#purchase = context.budget.open(account, this.#range.length, (error) => this.abort(error));
    this.done = this.#run();
  }

  /** The end of the last region that it still has to bring. */
  get claimedEnd(): number {
    return this.#wantedEnd;
  }

  /** Where the next byte to arrive belongs. */
  get position(): number {
    return this.#landing.position;
  }

  /** Milliseconds since it was asked for; undefined once it delivers. */
  get waitedMs(): number | undefined {
    if (this.#firstByteAt !== undefined) return undefined;
    return this.#context.clock.now() - this.#startedAt;
  }

  /** Resolves when the region has landed, or is no longer brought by this fetch. */
  settled(region: number): Promise<void> {
    const settled = this.#landing.settled(region);
    this.#hurry();
    return settled;
  }

  /** Resolves when the region's bytes are here, though perhaps not yet in the destination. */
  arrived(region: number): Promise<void> {
    const arrived = this.#landing.arrived(region);
    this.#hurry();
    return arrived;
  }

  /** Fills `target`, if all of its bytes are here and nobody has written over them meanwhile. */
  copyTo(offset: number, target: Uint8Array): boolean {
    return this.#landing.copyTo(offset, target);
  }

  /** Claims were taken away: what still arrives of those regions is dropped. */
  dropped(first: number, end: number): void {
    this.#landing.drop(first, end);
    while (this.#wantedEnd > this.first && !this.#holds(this.#wantedEnd - 1)) this.#wantedEnd -= 1;
    if (this.#isDone()) this.#abort.abort(LEFT);
  }

  /** Gives up if the source has kept us waiting for longer than `limitMs`. */
  checkStall(now: number, limitMs: number): void {
    if (this.#owedSince === undefined || now - this.#owedSince < limitMs) return;
    this.abort(stalled(this.position, limitMs));
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
    try {
      // What arrived whole is good, whatever happened afterwards.
      await this.#landing.finish();
    } catch (thrown) {
      error = thrown;
    }
    this.#settle();
    this.#report();
    return this.#release(error as HeadwaterError | undefined);
  }

  async #receive(): Promise<void> {
    const { clock, scheduler, rate } = this.#context;
    const stream = this.#stream();
    this.#owedSince = clock.now();
    for await (const piece of stream) {
      this.#owedSince = undefined;
      this.#firstByteAt ??= clock.now();
      this.#landing.add(piece);
      if (this.#isDone()) return;
      const { room } = this.#landing;
      if (room !== undefined) {
        const since = clock.now();
        await room;
        scheduler.held(clock.now() - since);
      }
      if (this.class === "background") scheduler.arrived(piece.length);
      if (rate.bytesPerSecond > 0 && !this.#isForReader) await this.#throttle(piece.length);
      this.#owedSince = clock.now();
    }
  }

  /** Of what opening asked for, it may be the whole, most was asked for by nobody. */
  get #isForReader(): boolean {
    return this.class === "demand" && this.#request.opened === undefined;
  }

  #stream(): AsyncIterable<Uint8Array> {
    const { hedging, clock, budget } = this.#context;
    const { signal } = this.#abort;
    const lateAfterMs = this.#isForReader ? hedging?.begin() : undefined;
    if (!hedging || lateAfterMs === undefined) return this.#ask(this.#purchase, signal);
    const { length } = this.#range;
    const isWorthwhile = (): boolean => this.#landing.hasWaiters && budget.room >= length;
    const ask = (isSecond: boolean, either: AbortSignal): AsyncIterable<Uint8Array> => {
      if (isSecond) this.#hedge = budget.open("hedge", length, (error) => this.abort(error));
      return this.#ask(this.#hedge ?? this.#purchase, either);
    };
    return hedgedStream({ hedging, lateAfterMs, clock, signal, isWorthwhile, ask });
  }

  #ask(meter: Purchase, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { offset, length } = this.#range;
    return this.#context.source.stream(offset, length, { signal, class: this.class, meter });
  }

  /** Of two requests one has brought nothing that was of use. */
  #settle(): void {
    this.#purchase.close();
    this.#hedge?.close();
    const lost = Math.min(this.#purchase.received, this.#hedge?.received ?? 0);
    this.#context.ledger.abandonedBytes += lost;
  }

  /**
   * Whether nothing more is wanted of what was asked for. At its very end a stream is asked once
   * more, so that it ends by itself.
   */
  #isDone(): boolean {
    const { position } = this;
    if (position >= this.#range.offset + this.#range.length) return false;
    return position >= this.#context.geometry.offsetOf(this.#wantedEnd);
  }

  /** Keeps to the byte rate, unless somebody waits for this fetch, or the rate is changed. */
  async #throttle(bytes: number): Promise<void> {
    const { rate, clock } = this.#context;
    const waitMs = rate.take(bytes);
    if (waitMs <= 0 || this.#landing.hasWaiters) return;
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    const forget = rate.onChange(() => this.#hurry());
    const over = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, over.signal]);
    try {
      await Promise.race([clock.sleep(waitMs, signal), hurried]);
    } finally {
      forget();
      over.abort(); // nothing is left asleep that nobody waits for
    }
  }

  #release(error: HeadwaterError | undefined): FetchEnd {
    const { claims, beginnings, geometry, ledger, retries } = this.#context;
    let failed: number | undefined;
    for (let region = this.first; region < this.end; region += 1) {
      if (!this.#holds(region)) continue;
      failed ??= region;
      claims.delete(region);
    }
    const rest = this.#landing.end(error);
    const begun = geometry.regionAt(rest.start);
    const isOurs = begun === failed && rest.start === geometry.offsetOf(begun);
    ledger.failed(error);
    if (this.#landing.landedCount > 0) retries.earn();
    if (isOurs && rest.length > 0 && error?.code !== "SOURCE_CHANGED") beginnings.set(begun, rest);
    else ledger.abandonedBytes += rest.length;
    return { error, failed, landedCount: this.#landing.landedCount };
  }

  #report(): void {
    if (this.#firstByteAt === undefined || this.#request.opened !== undefined) return;
    const { scheduler, hedging, clock } = this.#context;
    const firstByteMs = this.#firstByteAt - this.#startedAt;
    if (this.class === "demand") hedging?.arrived(firstByteMs);
    scheduler.report({
      class: this.class,
      bytes: this.position - this.#range.offset,
      firstByteMs,
      transferMs: clock.now() - this.#firstByteAt,
    });
  }

  #holds(region: number): boolean {
    return this.#context.claims.get(region) === this;
  }
}

/** The reason with which a fetch leaves a stream of which it needs nothing more. */
const LEFT: symbol = Symbol("nothing more is wanted");
