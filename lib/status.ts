import type { ByteRange, RequestClass } from "./device.ts";
import type { HeadwaterError } from "./errors.ts";
import type { FailureReason } from "./failure-reason.ts";

/**
 * What the clone allows. `read-only`: the map or the destination could not be made durable, so that
 * a later save could not be trusted either; reads are served, everything that is to change or keep
 * something is refused with `READ_ONLY`, and hydration ends. `failed`: what is stored cannot be
 * believed or read either; everything but `status`, `stats` and `close` is refused with `FAILED`.
 * Neither is left but by opening the copy again.
 */
export type CloneMode = "read-write" | "read-only" | "failed";

/**
 * What the hydrator does now. `off`: `noHydration`, until asked; `paused`: by the user, or because
 * the destination is full; `stalled`: it gave up after a bounded number of failures; `resume()`
 * ends the last two.
 */
export type HydrationState = "off" | "running" | "paused" | "stalled" | "complete";

/** What was spent since the clone was opened, and what may be: `Infinity` is without limit. */
export interface BudgetStatus {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly requests: number;
  readonly maxRequests: number;
  /** Estimated from `pricePerRequest` and `pricePerGigabyte`. */
  readonly cost: number;
  readonly maxCost: number;
}

/** Where a clone stands. All sizes in bytes. */
export interface CloneStatus {
  readonly mode: CloneMode;
  readonly hydration: HydrationState;
  readonly size: number;
  readonly sourceSize: number;
  readonly regionSize: number;
  readonly regionCount: number;
  readonly hydratedCount: number;
  /** Regions that a fetch holds now. */
  readonly hydratingCount: number;
  readonly hydratedBytes: number;
  readonly hydrationThreshold: number;
  readonly hydrationBatchSize: number;
  /** Background fetches allowed at once, as found by measuring. */
  readonly concurrency: number;
  /** 0 is without limit. */
  readonly bytesPerSecond: number;
  readonly budget: BudgetStatus;
  readonly identity: string;
  readonly strongIdentity: boolean;
  /** Whether anything was written or discarded by a user since the copy began. */
  readonly written: boolean;
  /** Regions that a user wrote or discarded since the copy began. */
  readonly writtenCount: number;
  /**
   * Whether these are all of them: a process that wrote and was killed may have left behind what it
   * wrote after its last commit, which nobody was promised.
   */
  readonly writtenIsExact: boolean;
  /** Regions that failed repeatedly and are tried again later, as byte ranges. */
  readonly quarantined: readonly ByteRange[];
  /** Whether everything waits for the end of a suspension. */
  readonly suspended: boolean;
  /** Whether what a read fetches is kept. */
  readonly copyOnRead: boolean;
  /** Whether discards are kept from the destination, and zeros written instead. */
  readonly noDiscardPassdown: boolean;
  /** Of the stored map, in bytes: what is in use, and what there is room for. */
  readonly mapUsed: number;
  readonly mapSize: number;
  /** Why hydration is paused or stalled, or the mode is not read-write. */
  readonly error: HeadwaterError | undefined;
}

/** A part of a clone that is local, or is not. */
export interface HydratedRun extends ByteRange {
  readonly hydrated: boolean;
}

/** Bytes and requests of one class, exact. */
export interface Spent {
  readonly requests: number;
  readonly bytes: number;
}

/** What was spent since this clone was opened. */
export interface CloneStats {
  /** User reads, and the bytes they asked for. */
  readonly reads: number;
  readonly bytesWanted: number;
  /** Of these, the bytes that were local when asked for. */
  readonly bytesLocal: number;
  /** First tries with a reader waiting. */
  readonly demand: Spent;
  /** First tries in the background. */
  readonly background: Spent;
  /** Everything asked for again after a failure. */
  readonly retry: Spent;
  /** Second requests for what was late, and what they brought. */
  readonly hedge: Spent;
  /** Calls of the source that failed, by reason, whether or not a later one succeeded. */
  readonly failures: Readonly<Record<FailureReason, number>>;
  /** Bytes received and not kept: of fetches given up to serve a reader or overtaken by a write. */
  readonly abandonedBytes: number;
  /** Bytes that became local without a fetch, because the source knew them to be zeros. */
  readonly zeroBytes: number;
  /** All bytes received from the source. */
  readonly bytesFetched: number;
  readonly requests: number;
  /** `bytesFetched` / the bytes that landed: 1 when no byte came twice. */
  readonly amplification: number;
}

export interface Progress {
  /** Of the whole, or of the ranges that were named, 0 to 100. */
  readonly percent: number;
  /** Of the same, as is `size`. */
  readonly hydratedBytes: number;
  readonly size: number;
  /** Over the last seconds. */
  readonly bytesPerSecond: number;
  /** Milliseconds to the end at that rate; undefined while there is no rate. */
  readonly etaMs: number | undefined;
  readonly requests: number;
  readonly bytesFetched: number;
  readonly state: HydrationState;
}

/** Regions that have just become local, side by side. */
export interface Landed extends ByteRange {
  readonly class: RequestClass;
}

/** How a copy of one version of its source became one of another. */
export interface Advanced {
  /** The identities of the two. */
  readonly from: string;
  readonly to: string;
  /** What was local and stays so: the rest is fetched, again or for the first time. */
  readonly keptBytes: number;
  /** Why nothing was kept, where nobody could say what has changed. */
  readonly reason: string | undefined;
}

/** The events of a clone, with what their listeners are given. */
export interface CloneEvents {
  /** Bytes from the source are in the destination. */
  landed: [Landed];
  /** These bytes are in the destination, whoever brought or wrote them; once for each region. */
  local: [ByteRange];
  /** Every byte is here and the destination has its final name. */
  hydrated: [];
  paused: [HeadwaterError | undefined];
  resumed: [];
  stalled: [HeadwaterError];
  /** A region failed repeatedly and is left for later. */
  quarantined: [ByteRange & { readonly error: HeadwaterError }];
  /** A copy of another version of the source was found, without writes, and given up. */
  restarted: [{ readonly found: string; readonly opened: string }];
  /** The clone is of another version of its source now, and what had not changed was kept. */
  advanced: [Advanced];
  mode: [CloneMode];
}
