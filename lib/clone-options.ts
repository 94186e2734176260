import { checkCount } from "./assert.ts";
import type { BudgetLimits } from "./budget.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { ByteRange, DestinationDevice, SourceDevice } from "./device.ts";
import { checkErrorPolicy, type ErrorPolicies } from "./error-policy.ts";
import type { MapStore } from "./map-store.ts";
import { type RetryOptions, RetryPolicy } from "./retry-policy.ts";
import type { Trace } from "./trace.ts";

/** For one call of a user: ends the wait of this call, never a fetch that somebody else awaits. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** For one read. */
export interface CloneReadOptions extends CallOptions {
  /**
   * Fetch what is missing of these bytes, in whole regions, and nothing around or ahead of them.
   * Default false.
   */
  exact?: boolean;
}

/** For one write or discard. */
export interface WriteOptions extends CallOptions {
  /** Force unit access: it survives a crash once this resolves. Default false. */
  fua?: boolean;
}

export interface HydrateOptions extends CallOptions {
  /** What to bring, in bytes; parts past the end are ignored. Default: everything. */
  ranges?: readonly ByteRange[];
  /** The highest is brought first. Default 0. */
  priority?: number;
}

export interface ProgressOptions extends CallOptions {
  /** Between two reports. Default 250. */
  intervalMs?: number;
  /** What the reports are of, such as what was named to `hydrate`. Default: everything. */
  ranges?: readonly ByteRange[];
}

/** What can be changed while a clone is open. */
export interface LiveOptions {
  /**
   * Regions in flight at most, in the background. Default: as many as are 128 MiB, or 16 fetches of
   * 8 MiB: 2048 at the default region size. Memory held is at most that. 0 holds hydration.
   */
  hydrationThreshold?: number;
  /** Regions joined in one background fetch at most. Default: as many as are 8 MiB. */
  hydrationBatchSize?: number;
  /** Of the background, at most; a fetch that a reader waits for is exempt. Default 0: no limit. */
  bytesPerSecond?: number;
  /**
   * Received from the source at most since the clone was opened, in bytes. When what is asked for
   * next would go past this or one of the two below, hydration pauses and reads of what is not
   * local reject, with `BUDGET_SPENT`; what is local is served on. A higher limit lets both go on.
   * Default: no limit.
   */
  maxBytes?: number;
  /** Requests to the source at most. Redirects count, and so does what opening asked for. */
  maxRequests?: number;
  /** Of both together at most, in the currency of the two prices. */
  maxCost?: number;
  /** Default 0. */
  pricePerRequest?: number;
  /** Of 10^9 bytes. Default 0. */
  pricePerGigabyte?: number;
}

/** How a clone behaves, whatever its devices are. */
export interface CloneBehavior extends LiveOptions {
  /**
   * In bytes: a power of two from 4 KiB to 1 GiB. Default 64 KiB. The region size of a copy that
   * was begun before wins.
   */
  regionSize?: number;
  /** Nothing is fetched but what is read or named to `hydrate`. Default false. */
  noHydration?: boolean;
  /**
   * Hydration begins after a random part of so many milliseconds, so that of many clones that start
   * at once not all ask at once. What is read or named to `hydrate` is exempt. Default 0.
   */
  startJitterMs?: number;
  /** Whether what a read fetches is kept. Default true; false is the kernel's dm-clone. */
  copyOnRead?: boolean;
  /**
   * Discards are kept from the destination's `discard`, and zeros are written instead. Default
   * false.
   */
  noDiscardPassdown?: boolean;
  /**
   * What `trace()` recorded in an earlier run: it is fetched first, joined into large requests, also
   * with `noHydration`. Ignored where it is of a blob of another size.
   */
  warm?: Trace;
  /** A small read fetches so many bytes, in whole regions, where missing. Default 128 KiB. */
  readAround?: number;
  retries?: RetryOptions;
  /**
   * Asks a second time for what a reader waits for when its first byte is clearly later than usual:
   * 1 % more requests at most, 5 % where that mostly brings it sooner, and none for a while where
   * it hardly ever does. What both had sent is sent twice. Default false: no byte is.
   */
  hedge?: boolean;
  /**
   * When its version of the source can no longer be had, and the source offers a later one, the
   * clone advances to that by itself, unless a user wrote. Default true.
   */
  autoAdvance?: boolean;
  /**
   * Awaited before the clone goes on to another version. What it throws keeps it from that, for
   * now; what it resolves to is called when that has been done, or has failed, and before anybody
   * reads again.
   */
  advancing?: () => Promise<() => void>;
  /**
   * Awaited when every region is local, before the whole is recorded and gets its final name: until
   * then it stays a copy that may be written. Not awaited any more once the clone is closed.
   */
  finishing?: () => Promise<void>;
  /**
   * What the background does about errors of either side. Default: `ignore` those of the source,
   * `enospc` for those of the destination.
   */
  errorPolicies?: Partial<ErrorPolicies>;
  /** A source that sends nothing for so many milliseconds has failed. Default 60 000. */
  stallTimeoutMs?: number;
  /** For tests. */
  clock?: Clock;
}

export interface CloneOptions extends CloneBehavior {
  /** May be left out where every region is hydrated already. */
  source?: SourceDevice;
  /** At least as large as the source. */
  destination: DestinationDevice;
  /** Without one nothing of the map survives `close`. */
  mapStore?: MapStore;
  /** The source is closed when it is no longer needed. Default false: its opener closes it. */
  ownsSource?: boolean;
  /** Called by `close` when nothing uses the destination and the map store any more. */
  closed?: () => Promise<void>;
}

const DEFAULT_FLIGHT_BYTES: number = 128 * 2 ** 20;
const DEFAULT_BATCH_BYTES: number = 8 * 2 ** 20;

/** The options with their defaults, checked. */
export interface Behavior {
  readonly noHydration: boolean;
  readonly copyOnRead: boolean;
  readonly noDiscardPassdown: boolean;
  readonly readAround: number;
  readonly hydrationThreshold: number;
  readonly hydrationBatchSize: number;
  readonly bytesPerSecond: number;
  readonly startJitterMs: number;
  readonly budget: BudgetLimits;
  readonly retries: RetryPolicy;
  readonly hedge: boolean;
  readonly errorPolicies: ErrorPolicies;
  readonly stallTimeoutMs: number;
  readonly clock: Clock;
}

/** @throws {RangeError} naming the option that is out of its range. */
export function checkBehavior(options: CloneBehavior, regionSize: number): Behavior {
  const { noHydration = false, copyOnRead = true, clock = systemClock } = options;
  const { readAround = 128 * 2 ** 10, stallTimeoutMs = 60_000, bytesPerSecond = 0 } = options;
  const { hydrationThreshold = Math.max(1, DEFAULT_FLIGHT_BYTES / regionSize) } = options;
  const { noDiscardPassdown = false, startJitterMs = 0 } = options;
  const { hydrationBatchSize = Math.max(1, DEFAULT_BATCH_BYTES / regionSize) } = options;
  const { source = "ignore", destination = "enospc" } = options.errorPolicies ?? {};
  return {
    noHydration,
    copyOnRead,
    noDiscardPassdown,
    readAround: checkCount("readAround", readAround, 0),
    hydrationThreshold: checkCount("hydrationThreshold", hydrationThreshold, 0),
    hydrationBatchSize: checkCount("hydrationBatchSize", hydrationBatchSize),
    bytesPerSecond: checkCount("bytesPerSecond", bytesPerSecond, 0),
    startJitterMs: checkCount("startJitterMs", startJitterMs, 0),
    budget: checkLimits(options),
    hedge: options.hedge ?? false,
    retries: new RetryPolicy(options.retries),
    errorPolicies: {
      source: checkErrorPolicy("errorPolicies.source", source),
      destination: checkErrorPolicy("errorPolicies.destination", destination),
    },
    stallTimeoutMs: checkCount("stallTimeoutMs", stallTimeoutMs),
    clock,
  };
}

/** What the options leave out stays as it is. @throws {RangeError} */
export function checkLimits(options: LiveOptions, before: BudgetLimits = NO_LIMITS): BudgetLimits {
  const { maxBytes, maxRequests, maxCost, pricePerRequest, pricePerGigabyte } = options;
  const count = (name: keyof BudgetLimits, limit: number | undefined): number =>
    limit === undefined || limit === Number.POSITIVE_INFINITY
      ? (limit ?? before[name])
      : checkCount(name, limit, 0);
  const amount = (name: keyof BudgetLimits, sum = before[name]): number => {
    if (sum >= 0) return sum;
    throw new RangeError(`${name} is ${sum}; it must be a number of at least 0`);
  };
  return {
    maxBytes: count("maxBytes", maxBytes),
    maxRequests: count("maxRequests", maxRequests),
    maxCost: amount("maxCost", maxCost),
    pricePerRequest: amount("pricePerRequest", pricePerRequest),
    pricePerGigabyte: amount("pricePerGigabyte", pricePerGigabyte),
  };
}

const NO_LIMITS: BudgetLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxRequests: Number.POSITIVE_INFINITY,
  maxCost: Number.POSITIVE_INFINITY,
  pricePerRequest: 0,
  pricePerGigabyte: 0,
};
