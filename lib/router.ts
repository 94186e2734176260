import type { Budget } from "./budget.ts";
import {
  type CheckedDestination,
  type CheckedSource,
  REPLACED,
  stalled,
} from "./checked-device.ts";
import type { Clock } from "./clock.ts";
import type { Demand } from "./demand.ts";
import type { ByteRange } from "./device.ts";
import { readChannel } from "./diagnostics.ts";
import { isDestinationError } from "./error-policy.ts";
import { HeadwaterError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import type { Ledger } from "./ledger.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { RegionMap } from "./region-map.ts";
import { isRetryable, type RetryPolicy } from "./retry-policy.ts";
import type { TraceRecorder } from "./trace.ts";

export interface RouterContext {
  readonly source: CheckedSource | undefined;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  /** Undefined, as the source, where every region is hydrated. */
  readonly demand: Demand | undefined;
  readonly ledger: Ledger;
  readonly budget: Budget;
  readonly retries: RetryPolicy;
  readonly clock: Clock;
  /** Aborted when the clone is closed. */
  readonly closing: AbortSignal;
  /** Whether what a read fetches is kept. dm-clone's way is false. */
  readonly copyOnRead: boolean;
  /** A source that sends nothing for so long has failed. */
  readonly stallTimeoutMs: number;
}

/** Serves each read: from the destination where it is hydrated, through the fetcher where not. */
export class Router {
  readonly #context: RouterContext;
  readonly #map: RegionMap;
  readonly #geometry: Geometry;
  readonly #destination: CheckedDestination;
  readonly #ledger: Ledger;
  readonly #readAhead = new ReadAhead();
  /** Is told of every read, once somebody wants to know. */
  recorder: TraceRecorder | undefined;

  constructor(context: RouterContext) {
    this.#context = context;
    this.#map = context.map;
    this.#geometry = context.geometry;
    this.#destination = context.destination;
    this.#ledger = context.ledger;
  }

  /** Fills `target`, which lies inside the clone, if that can be done at once. */
  readIntoSync(offset: number, target: Uint8Array): boolean {
    if (target.length === 0) return true;
    if (!this.#isLocal(offset, target.length)) return false;
    if (!this.#destination.readIntoSync(offset, target)) return false;
    if (!this.#map.isComplete) this.#runAhead(offset, target.length);
    this.#count(offset, target.length, true);
    return true;
  }

  /** Fills `target`, which lies inside the clone. */
  async readInto(
    offset: number,
    target: Uint8Array,
    signal?: AbortSignal,
    exact = false,
  ): Promise<void> {
    const { length } = target;
    signal?.throwIfAborted();
    if (length === 0) return;
    const run = this.#geometry.runOf(offset, length);
    const isLocal = this.#map.areHydrated(run.first, run.end);
    this.#count(offset, length, isLocal);
    if (isLocal) {
      if (!this.#map.isComplete && !exact) this.#runAhead(offset, length);
      await this.#readLocal(offset, target);
      return;
    }
    const { copyOnRead, demand } = this.#context;
    if (!copyOnRead || demand === undefined) {
      await this.#readAround(offset, target, signal);
      return;
    }
    const served = demand.bring(run, signal, { offset, target, exact });
    if (!exact) this.#runAhead(offset, length);
    try {
      if (await served) return;
    } catch (error) {
      if (!isDestinationError(error)) throw error;
      // What the destination cannot take can still be read.
      await this.#readAround(offset, target, signal);
      return;
    }
    await this.#readLocal(offset, target);
  }

  /** Begins to fetch what is missing of these ranges, as far as there is room. */
  prefetch(ranges: readonly ByteRange[]): void {
    const { copyOnRead, demand } = this.#context;
    if (!copyOnRead || demand === undefined) return;
    for (const { offset, length } of ranges) {
      const { first, end } = this.#geometry.runOf(offset, length);
      demand.prefetch(first, end);
    }
  }

  async #readLocal(offset: number, target: Uint8Array): Promise<void> {
    if (this.#destination.readIntoSync(offset, target)) return;
    await this.#destination.readInto(offset, target);
  }

  #count(offset: number, length: number, local: boolean): void {
    const ledger = this.#ledger;
    ledger.reads += 1;
    ledger.bytesWanted += length;
    if (local) ledger.bytesLocal += length;
    this.recorder?.touch(offset, length);
    if (readChannel.hasSubscribers) readChannel.publish({ offset, length, local });
  }

  #isLocal(offset: number, length: number): boolean {
    if (this.#map.isComplete) return true;
    const geometry = this.#geometry;
    return this.#map.areHydrated(geometry.regionAt(offset), geometry.regionEnd(offset + length));
  }

  #runAhead(offset: number, length: number): void {
    const { copyOnRead, demand } = this.#context;
    if (!copyOnRead || demand === undefined) return;
    const ahead = this.#readAhead.follow(offset, length);
    const from = offset + length;
    const end = Math.min(this.#geometry.size, from + ahead);
    if (from >= end) return;
    demand.prefetch(this.#geometry.regionAt(from), this.#geometry.regionEnd(end));
  }

  /** Reads each part from where it is now, and keeps nothing. */
  async #readAround(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    const geometry = this.#geometry;
    const parts: Promise<void>[] = [];
    const end = offset + target.length;
    let at = offset;
    while (at < end) {
      const local = this.#map.isHydrated(geometry.regionAt(at));
      let next = at;
      do next = geometry.offsetOf(geometry.regionAt(next) + 1);
      while (next < end && this.#map.isHydrated(geometry.regionAt(next)) === local);
      const part = target.subarray(at - offset, Math.min(next, end) - offset);
      parts.push(local ? this.#destination.readInto(at, part) : this.#readSource(at, part, signal));
      at = next;
    }
    // Nothing may still be on its way to the reader's bytes when it is told.
    for (const result of await Promise.allSettled(parts)) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  async #readSource(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    const { retries, clock, closing } = this.#context;
    const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    for (let attempt = 1; ; attempt += 1) {
      // Brought by somebody else meanwhile: perhaps the source was let go after that.
      if (this.#isLocal(offset, target.length)) {
        await this.#readLocal(offset, target);
        return;
      }
      try {
        await this.#receive(offset, target, attempt > 1, ended);
        return;
      } catch (error) {
        ended.throwIfAborted();
        if (error === REPLACED) attempt -= 1; // nobody's failure
        this.#ledger.failed(error);
        if (error === REPLACED || this.#isLocal(offset, target.length)) continue;
        if (!isRetryable(error) || attempt > retries.demand) throw error;
        if (!retries.take(clock.now())) throw error;
        await clock.sleep(retries.delayMs(attempt, error), ended);
      }
    }
  }

  /** Fills `target` from the source, as long as it keeps sending. */
  async #receive(
    offset: number,
    target: Uint8Array,
    retry: boolean,
    ended: AbortSignal,
  ): Promise<void> {
    const { source, clock, stallTimeoutMs, budget } = this.#context;
    if (source === undefined) throw noSource(offset, target.length);
    if (budget.room < target.length) throw budget.spent();
    const stall = new AbortController();
    let owedSince = clock.now();
    const stopWatching = clock.every(Math.max(1, stallTimeoutMs / 8), () => {
      if (clock.now() - owedSince >= stallTimeoutMs) stall.abort(stalled(offset, stallTimeoutMs));
    });
    const account = retry ? "retry" : "demand";
    const meter = budget.open(account, target.length, (error) => stall.abort(error));
    const signal = AbortSignal.any([ended, stall.signal]);
    try {
      let at = 0;
      const pieces = source.stream(offset, target.length, { class: "demand", meter, signal });
      for await (const piece of pieces) {
        owedSince = clock.now();
        target.set(piece, at);
        at += piece.length;
      }
    } finally {
      meter.close();
      stopWatching();
    }
  }
}

function noSource(offset: number, length: number): HeadwaterError {
  return new HeadwaterError("SOURCE_FAILED", `no source for ${length} bytes at ${offset}`, {
    offset,
    length,
  });
}
