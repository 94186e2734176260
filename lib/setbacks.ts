import type { Clock } from "./clock.ts";
import type { ByteRange } from "./device.ts";
import { type ErrorPolicies, isDestinationError, reactionTo } from "./error-policy.ts";
import { HeadwaterError } from "./errors.ts";
import type { FetchEnd } from "./fetch.ts";
import type { Geometry } from "./geometry.ts";
import type { RegionMap } from "./region-map.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** As many byte ranges as a message names. */
const NAMED_RANGES = 5;

interface Setback {
  failures: number;
  error: HeadwaterError;
  /** When it may be tried again, in the clock's milliseconds. */
  until: number;
}

export interface SetbacksContext {
  readonly map: RegionMap;
  readonly geometry: Geometry;
  readonly retries: RetryPolicy;
  readonly clock: Clock;
  readonly errorPolicies: ErrorPolicies;
  quarantined(range: ByteRange, error: HeadwaterError): void;
}

/** That hydration cannot go on by itself, and why. */
export interface Verdict {
  readonly error: HeadwaterError;
  readonly reaction: "stall" | "pause";
}

/**
 * What failed in the background, and when it is tried again. A region that fails is left out of
 * larger fetches, so that it holds back none of its neighbours; one that fails again is
 * quarantined and tried later. Failures in a row with nothing landed between them pause
 * everything for longer and longer, and end in a stall.
 */
export class Setbacks {
  readonly #regions = new Map<number, Setback>();
  readonly #map: RegionMap;
  readonly #geometry: Geometry;
  readonly #retries: RetryPolicy;
  readonly #clock: Clock;
  readonly #policies: ErrorPolicies;
  readonly #onQuarantine: (range: ByteRange, error: HeadwaterError) => void;
  #inARow = 0;
  #holdUntil = 0;

  constructor(context: SetbacksContext) {
    this.#map = context.map;
    this.#geometry = context.geometry;
    this.#retries = context.retries;
    this.#clock = context.clock;
    this.#policies = context.errorPolicies;
    this.#onQuarantine = context.quarantined;
  }

  /** Whether this region failed before. */
  has(region: number): boolean {
    return this.#regions.has(region);
  }

  /** Whether this region must not be part of a larger fetch. */
  holds(region: number): boolean {
    return (this.#regions.get(region)?.failures ?? 0) > 0;
  }

  /** A failed region whose time has come. */
  due(isFree: (region: number) => boolean): number | undefined {
    const now = this.#clock.now();
    for (const [region, setback] of this.#regions) {
      if (this.#map.isHydrated(region)) this.#regions.delete(region);
      else if (setback.failures > 0 && setback.until <= now && isFree(region)) return region;
    }
    return undefined;
  }

  /** Milliseconds for which nothing at all is to be fetched. */
  get holdMs(): number {
    return Math.max(0, this.#holdUntil - this.#clock.now());
  }

  /** Milliseconds until something can be tried again; undefined when nothing failed. */
  get nextMs(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const [region, { until }] of this.#regions) {
      if (this.#lacks(region)) next = Math.min(next, until);
    }
    if (next === Number.POSITIVE_INFINITY) return this.holdMs > 0 ? this.holdMs : undefined;
    return Math.max(1, next - this.#clock.now(), this.holdMs);
  }

  /** The regions that are left for later, side by side joined. */
  quarantined(): ByteRange[] {
    const failed = [...this.#regions]
      .filter(
        ([region, { failures }]) => failures > this.#retries.background && this.#lacks(region),
      )
      .map(([region]) => region)
      .sort((a, b) => a - b);
    const ranges: ByteRange[] = [];
    for (const region of failed) {
      const offset = this.#geometry.offsetOf(region);
      const length = this.#geometry.lengthOf(region, region + 1);
      const last = ranges.at(-1);
      if (last === undefined || last.offset + last.length < offset) ranges.push({ offset, length });
      else ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
    }
    return ranges;
  }

  /** Takes note of how a fetch ended. Says when hydration should give up. */
  judge({ error, failed, landedCount }: FetchEnd): Verdict | undefined {
    if (landedCount > 0) this.#inARow = 0;
    if (error === undefined || failed === undefined) return undefined;
    const reaction = reactionTo(error, this.#policies);
    const isFinal = !error.retryable && error.code !== "CORRUPT";
    if (isFinal && reaction !== "retry") return { error, reaction };
    // A later try would find the same source.
    if (isFinal && !isDestinationError(error)) return { error, reaction: "stall" };
    const now = this.#clock.now();
    const setback = this.#regions.get(failed) ?? { failures: 0, error, until: 0 };
    this.#regions.set(failed, setback);
    setback.error = error;
    if (landedCount > 0) return undefined; // it goes on from where it broke
    setback.failures += 1;
    setback.until = now + this.#retries.delayMs(setback.failures, error);
    if (setback.failures === this.#retries.background + 1) {
      const offset = this.#geometry.offsetOf(failed);
      const length = this.#geometry.lengthOf(failed, failed + 1);
      this.#onQuarantine({ offset, length }, error);
      if (reaction !== "retry") return { error, reaction };
    }
    if (now < this.#holdUntil) return undefined; // of the same bad moment as the last one
    this.#inARow += 1;
    if (this.#inARow >= this.#retries.stallAfter) {
      return { error: this.#stalled(error), reaction: "stall" };
    }
    // One bad region is no reason to hold the others.
    if (this.#inARow > 1) this.#holdUntil = now + this.#retries.delayMs(this.#inARow - 1, error);
    return undefined;
  }

  /** Everything may be tried again at once. */
  forgive(): void {
    this.#inARow = 0;
    this.#holdUntil = 0;
    this.#regions.clear();
  }

  #lacks(region: number): boolean {
    return !this.#map.isHydrated(region);
  }

  #stalled(cause: HeadwaterError): HeadwaterError {
    const ranges: string[] = [];
    for (const { first, end } of this.#map.missingRuns()) {
      if (ranges.length === NAMED_RANGES) {
        ranges.push("…");
        break;
      }
      ranges.push(`${this.#geometry.offsetOf(first)}+${this.#geometry.lengthOf(first, end)}`);
    }
    const missing = this.#map.regionCount - this.#map.hydratedCount;
    return new HeadwaterError(
      "STALLED",
      `hydration stalled after ${this.#inARow} failures in a row, ${missing} regions missing ` +
        `(bytes ${ranges.join(", ")}): ${cause.message}`,
      { cause },
    );
  }
}
