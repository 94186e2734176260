import { assert, HeadwaterError } from "../../lib/index.ts";
import type { ReplicaFile } from "./list-files.ts";

/**
 * The transactions at which the database can be assembled, in ascending order: those that a chain
 * of files without a gap, from a snapshot on, ends with.
 */
export function reachableTxids(files: readonly ReplicaFile[]): readonly bigint[] {
  const reachable: bigint[] = [];
  for (const { minTxid, maxTxid } of [...files].sort(byMaxTxid)) {
    const last = reachable.at(-1) ?? 0n;
    if (maxTxid > last && minTxid <= last + 1n) reachable.push(maxTxid);
  }
  return reachable;
}

/**
 * The files that make the database of a transaction when they are applied one after the other. From
 * each position it is the file that reaches furthest, so that there are as few as can be.
 *
 * @param target the last transaction; undefined for the newest.
 * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when files are missing, or the database cannot be had
 *   at this very transaction; the message says what is missing, or what can be had.
 */
export function planRestore(
  files: readonly ReplicaFile[],
  target?: bigint,
): readonly ReplicaFile[] {
  const reachable = reachableTxids(files);
  const last = reachable.at(-1);
  if (last === undefined) throw missingBeginning(files);
  if (target === undefined) {
    const gap = gapAfter(files, last);
    if (gap !== undefined) throw missingFiles(last, gap);
  } else if (!reachable.includes(target)) {
    throw notAvailable(files, reachable, target);
  }
  return chain(files, target ?? last);
}

/** As few files as can be that reach `end`, which can be reached. */
function chain(files: readonly ReplicaFile[], end: bigint): readonly ReplicaFile[] {
  const candidates = files.filter(({ maxTxid }) => maxTxid <= end);
  candidates.sort((one, other) => compare(one.minTxid, other.minTxid));
  const plan: ReplicaFile[] = [];
  let position = 0n;
  let next = 0;
  let best: ReplicaFile | undefined;
  while (position < end) {
    for (; next < candidates.length; next += 1) {
      const file = candidates[next] as ReplicaFile;
      if (file.minTxid > position + 1n) break;
      if (best === undefined || isBetter(file, best)) best = file;
    }
    assert(best !== undefined && best.maxTxid > position, `no file goes on from TXID ${position}`);
    plan.push(best);
    position = best.maxTxid;
  }
  return plan;
}

/** The furthest; of those the one that begins first, which stands for most others. */
function isBetter(file: ReplicaFile, than: ReplicaFile): boolean {
  if (file.maxTxid !== than.maxTxid) return file.maxTxid > than.maxTxid;
  if (file.minTxid !== than.minTxid) return file.minTxid < than.minTxid;
  return file.level > than.level;
}

interface Gap {
  readonly first: bigint;
  readonly last: bigint;
}

/** The transactions that are missing between `position` and the next file beyond it, if any is. */
function gapAfter(files: readonly ReplicaFile[], position: bigint): Gap | undefined {
  let next: bigint | undefined;
  for (const { minTxid } of files) {
    if (minTxid > position + 1n && (next === undefined || minTxid < next)) next = minTxid;
  }
  return next === undefined ? undefined : { first: position + 1n, last: next - 1n };
}

function missingFiles(position: bigint, gap: Gap): HeadwaterError {
  const message =
    `the files of ${nameTxids(gap)} are missing: the replica goes up to TXID ` +
    `${position}, and its next file begins with ${gap.last + 1n}; ` +
    `what there was at TXID ${position} can be had with \`at\``;
  return new HeadwaterError("SOURCE_NOT_FOUND", message);
}

function missingBeginning(files: readonly ReplicaFile[]): HeadwaterError {
  const [first] = [...files].sort((one, other) => compare(one.minTxid, other.minTxid));
  if (first === undefined) return new HeadwaterError("SOURCE_NOT_FOUND", "there are no LTX files");
  const message =
    `there is no snapshot: the files of ${nameTxids({ first: 1n, last: first.minTxid - 1n })} ` +
    `are missing, and the first file begins with ${first.minTxid}`;
  return new HeadwaterError("SOURCE_NOT_FOUND", message);
}

function notAvailable(
  files: readonly ReplicaFile[],
  reachable: readonly bigint[],
  target: bigint,
): HeadwaterError {
  const below = reachable.findLast((txid) => txid < target);
  const above = reachable.find((txid) => txid > target);
  const gap = above === undefined ? gapAfter(files, below ?? 0n) : undefined;
  let why = "its files were compacted into larger ones";
  if (above === undefined) {
    why = "the replica does not reach so far";
    if (gap !== undefined && gap.first <= target)
      why = `the files of ${nameTxids(gap)} are missing`;
  }
  const near = [below, above].filter((txid) => txid !== undefined);
  const message = `TXID ${target} is not available: ${why}; the nearest that is: ${near.join(", ")}`;
  return new HeadwaterError("SOURCE_NOT_FOUND", message);
}

function nameTxids({ first, last }: Gap): string {
  return first === last ? `TXID ${first}` : `TXIDs ${first} to ${last}`;
}

function byMaxTxid(one: ReplicaFile, other: ReplicaFile): number {
  return compare(one.maxTxid, other.maxTxid) || compare(one.minTxid, other.minTxid);
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}
