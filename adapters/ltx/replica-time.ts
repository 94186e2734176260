import { HeadwaterError, type ReadOptions } from "../../lib/index.ts";
import { HEADER_SIZE, parseHeader } from "./header.ts";
import type { ReplicaFile } from "./list-files.ts";
import { reachableTxids } from "./restore-plan.ts";
import type { ObjectSource } from "./store.ts";

/** Headers that are asked for at once. */
const PROBES = 15;

/**
 * The last transaction, of those at which the database can be had, that was made at or before this
 * time. What counts is the time that the file's header states: that of the file itself changes when
 * a replica is copied, and is only a hint where to look.
 *
 * @returns undefined for the newest.
 * @param timeMs milliseconds since 1970.
 * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when the replica begins later.
 */
export async function txidAt(
  store: Pick<ObjectSource, "read">,
  files: readonly ReplicaFile[],
  timeMs: number,
  options: ReadOptions,
): Promise<bigint | undefined> {
  const txids = reachableTxids(files);
  const enders = endersOf(files, txids);
  const timeOf = async (index: number): Promise<number> => {
    const bytes = await store.read(enders[index] as ReplicaFile, 0, HEADER_SIZE, options);
    return parseHeader(bytes).timestamp;
  };

  let low = -1; // everything up to here is known to be old enough
  let high = txids.length; // and everything from here on to be too new
  let earliestMs = Number.POSITIVE_INFINITY;
  let probes = hinted(enders, timeMs);
  while (high - low > 1) {
    const times = await Promise.all(probes.map(timeOf));
    for (const [index, probe] of probes.entries()) {
      const time = times[index] as number;
      earliestMs = Math.min(earliestMs, time);
      if (time <= timeMs) low = Math.max(low, probe);
      else high = Math.min(high, probe);
    }
    probes = spread(low, high);
  }
  if (low === txids.length - 1) return undefined;
  if (low >= 0) return txids[low];
  const message =
    `the replica has nothing from ${new Date(timeMs).toISOString()} or before: ` +
    `it begins with TXID ${txids[0]}, ${new Date(earliestMs).toISOString()}`;
  throw new HeadwaterError("SOURCE_NOT_FOUND", message);
}

/**
 * A file that ends with each of the transactions. A snapshot says when it was taken, and others
 * when their last transaction was made.
 */
function endersOf(files: readonly ReplicaFile[], txids: readonly bigint[]): ReplicaFile[] {
  const enders = new Map<bigint, ReplicaFile>();
  for (const file of files) {
    const other = enders.get(file.maxTxid);
    if (other === undefined || file.level < other.level) enders.set(file.maxTxid, file);
  }
  return txids.map((txid) => enders.get(txid) as ReplicaFile);
}

/** Where the times of the files say that it is, and right beside that. */
function hinted(enders: readonly ReplicaFile[], timeMs: number): number[] {
  const guess = enders.findLastIndex(({ modifiedMs = 0 }) => modifiedMs <= timeMs);
  return [0, guess - 1, guess, guess + 1, guess + 2, enders.length - 1].filter(
    (index, place, all) => index >= 0 && index < enders.length && all.indexOf(index) === place,
  );
}

function spread(low: number, high: number): number[] {
  const between = high - low - 1;
  const count = Math.min(PROBES, between);
  return Array.from(
    { length: count },
    (_, index) => low + 1 + Math.floor((index * between) / count),
  );
}
