import { checkCount, type KnownSource, type SourceOpener } from "../../lib/index.ts";
import { LtxSource } from "./ltx-source.ts";
import type { LtxSourceOptions, SuccessorOptions } from "./ltx-source-options.ts";
import { OpeningCosts } from "./opening-costs.ts";
import { assemble, isVanished, type RestoreTarget } from "./replica.ts";
import { findIdentity, parseIdentity } from "./replica-identity.ts";
import { type ReplicaAccess, type ReplicaOrigin, replicaOrigin } from "./replica-origin.ts";
import type { ObjectSource, ReplicaLayout } from "./store.ts";

export interface LitestreamOptions extends ReplicaAccess {
  /**
   * Which state of the database: after this transaction (its TXID), or the last one at or before
   * this time. Default: the newest.
   */
  at?: bigint | Date;
  /**
   * How the folders of the levels are named. Default: what such a store has, or the other one where
   * nothing is found.
   */
  layout?: ReplicaLayout;
  /**
   * Files of up to this size are fetched whole when the replica is opened, which costs fewer
   * requests and lets them be verified before anything of them is used. Default 262144.
   */
  wholeFileSize?: number;
}

/**
 * A database from its Litestream replica (0.5 or newer): opening it costs three round trips, and
 * then each page is fetched once, in its newest version.
 *
 * A half-done copy goes on with its own transaction, whatever was written since, if that can still
 * be had; else it advances to the newest.
 *
 * @param replica what Litestream was told to replicate to, as a `file:`, `http:`, `https:` or
 *   `s3:` URL; or a store, which the caller closes.
 * @throws {TypeError | RangeError} when the URL or an option makes no sense.
 */
export function litestream(
  replica: string | URL | ObjectSource,
  options: LitestreamOptions = {},
): SourceOpener {
  const { layout, wholeFileSize } = options;
  if (wholeFileSize !== undefined) checkCount("wholeFileSize", wholeFileSize, 0);
  const target = targetOf(options.at);
  const origin = replicaOrigin(replica, options);
  const opening = { origin, assembling: { layout, wholeFileSize }, target };
  return {
    open: ({ known, signal } = {}) => {
      const pinned = known === undefined ? undefined : pinnedBy(known, target);
      return openReplica(opening, pinned, { known: [], ...(signal && { signal }) });
    },
    recognizes: (identity) => findIdentity(identity)?.name === origin.name,
  };
}

interface Opening {
  readonly origin: ReplicaOrigin;
  readonly assembling: LtxSourceOptions["assembling"];
  readonly target: RestoreTarget;
}

/** @param pinned the state that a copy was begun with; where it is gone, the target is opened. */
async function openReplica(
  opening: Opening,
  pinned: RestoreTarget | undefined,
  { known, signal }: SuccessorOptions,
): Promise<LtxSource> {
  signal?.throwIfAborted();
  const { origin, assembling, target } = opening;
  const store = await origin.store();
  const costs = new OpeningCosts();
  const reading = { ...assembling, known, meter: costs, ...(signal && { signal }) };
  try {
    const assembly = await assemble(store, pinned ?? target, reading).catch((error) => {
      // What was begun with is gone: what can be had now says what is still right of it.
      if (pinned === undefined || !isVanished(error)) throw error;
      return assemble(store, target, reading);
    });
    const isNewest = target.txid === undefined && target.timeMs === undefined;
    const successor = (options: SuccessorOptions): Promise<LtxSource> =>
      openReplica(opening, undefined, options);
    const device = { store, assembling, assembly, costs, ownsStore: origin.isOurs };
    return new LtxSource(isNewest ? { ...device, successor } : device);
  } catch (error) {
    if (origin.isOurs) await store.close();
    throw error;
  }
}

/** What a half-done copy was begun with, if that can be what is asked for. */
function pinnedBy(known: KnownSource, target: RestoreTarget): RestoreTarget | undefined {
  const { txid } = parseIdentity(known.identity);
  return target.txid === undefined || target.txid === txid ? { txid } : undefined;
}

function targetOf(at: bigint | Date | undefined): RestoreTarget {
  if (at === undefined) return {};
  if (typeof at === "bigint") {
    if (at < 1n || at >= 1n << 64n) throw new RangeError(`at is ${at}; a TXID is at least 1`);
    return { txid: at };
  }
  const timeMs = at.getTime();
  if (Number.isNaN(timeMs)) throw new RangeError("at is not a valid date");
  return { timeMs };
}
