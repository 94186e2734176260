import {
  checkCount,
  HeadwaterError,
  type KnownSource,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import type { SourceOrder } from "./choice.ts";
import { type Common, Member } from "./member.ts";
import { keyOf, type Sameness } from "./sameness.ts";
import { SeveralSource } from "./several-source.ts";

export type { SourceOrder } from "./choice.ts";
export type { Sameness } from "./sameness.ts";

export interface SeveralOptions {
  /** Which is asked first. Default "given". */
  order?: SourceOrder;
  /** How it is told that they have the same bytes. Default "validator". */
  same?: Sameness;
  /**
   * How long a source is left alone after it failed, in milliseconds: twice as long after each
   * failure that follows, up to a minute. While no other works it is asked all the same. Default
   * 1000.
   */
  restMs?: number;
}

const PREFIX = "several ";

/**
 * One blob from several sources: a peer, a CDN, the bucket behind it. What one fails to give, also
 * in the middle of an answer, comes from the next. They are opened when they are needed, and one
 * that turns out to have other bytes is never asked again.
 *
 * @param sources what `http(...)` and its like return, or devices, which the caller closes.
 * @throws {TypeError | RangeError} when there is none, or an option makes no sense.
 */
export function several(
  sources: readonly (SourceOpener | SourceDevice)[],
  options: SeveralOptions = {},
): SourceOpener {
  const { order = "given", same = "validator", restMs = 1000 } = options;
  if (sources.length === 0) throw new TypeError("several() needs at least one source");
  if (order !== "given" && order !== "measured") throw new TypeError(`no order is "${order}"`);
  checkCount("restMs", restMs, 0);
  const makeMembers = (): Member[] =>
    sources.map(
      (source, index) =>
        new Member({
          ...{ source, restMs, name: `source ${index + 1} of ${sources.length}` },
          keyOf: ({ identity, size }) => keyOf(same, identity, size),
        }),
    );
  const isVouchedFor = same !== "size";
  return {
    open: async ({ known, signal } = {}) => {
      signal?.throwIfAborted();
      const members = makeMembers();
      const { opened, common } =
        known === undefined ? await openFirst(members, signal) : commonOf(known);
      const identity = PREFIX + common.key;
      const strongIdentity = isVouchedFor && (opened?.source?.device.strongIdentity ?? true);
      return new SeveralSource({ members, order, common, identity, strongIdentity, opened });
    },
    recognizes: (identity) => identity.startsWith(PREFIX),
  };
}

interface Opened {
  readonly common: Common;
  /** The member that is open. */
  readonly opened: Member | undefined;
}

/** @throws what the last of them failed with, when none can be opened. */
async function openFirst(
  members: readonly Member[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Opened> {
  let failure: unknown;
  for (const member of members) {
    try {
      const { device } = await member.open(undefined, signal);
      return { opened: member, common: { size: device.size, key: await member.keyOf(device) } };
    } catch (error) {
      if (signal.aborted) throw error;
      member.failed(error);
      failure = error;
    }
  }
  await Promise.all(members.map((member) => member.close()));
  throw failure;
}

/** Of a copy that was begun before: none is opened until it is needed. */
function commonOf({ size, identity }: KnownSource): Opened {
  if (!identity.startsWith(PREFIX)) {
    throw new HeadwaterError("SOURCE_CHANGED", "the copy was begun from another kind of source");
  }
  return { common: { size, key: identity.slice(PREFIX.length) }, opened: undefined };
}
