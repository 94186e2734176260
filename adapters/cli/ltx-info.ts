import { parseArgs } from "node:util";
import { isHeadwaterError, messageOf } from "../../lib/index.ts";
import {
  assemble,
  listReplica,
  type ReplicaFile,
  reachableTxids,
  replicaOrigin,
  SNAPSHOT_LEVEL,
} from "../ltx/index.ts";
import { takePositionals, understand } from "./command-line.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { parseLayout, parseReplica, type ReplicaValues, replicaAccessFrom } from "./ltx-replica.ts";
import { inFlags, JSON_OPTION, REPLICA_OPTIONS, SOURCE_OPTIONS } from "./options.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount } from "./quantities.ts";

/** The files of a level. */
interface Level {
  readonly level: number;
  readonly files: number;
  readonly bytes: number;
  readonly minTxid: string;
  readonly maxTxid: string;
}

/** TXIDs are numbers of up to 64 bits: text, so that no program rounds them. */
interface ReplicaInfo {
  readonly replica: string;
  readonly levels: readonly Level[];
  /** How many states can be had, and the first and the last of them. */
  readonly states: number;
  readonly oldestTxid: string | undefined;
  readonly newestTxid: string | undefined;
  /** Of the newest, milliseconds since 1970. */
  readonly timestampMs: number | undefined;
  readonly size: number | undefined;
  readonly pageSize: number | undefined;
  /** Files from which the newest is assembled. */
  readonly planFiles: number | undefined;
  /** Why the newest cannot be had; undefined when it can. */
  readonly problem: string | undefined;
}

const { at: _, ...OPTIONS } = { ...REPLICA_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS } as const;

/** `headwater ltx info <replica>`. */
export async function runReplicaInfo(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = ""] = takePositionals(positionals, ["replica"]);
  const interruption = new Interruption();
  const info = await interruption.orElse(inspect(parseReplica(given), values, interruption.signal));
  process.stdout.write(values.json ? `${JSON.stringify(info)}\n` : describe(info));
  return info.problem === undefined ? EXIT.done : EXIT.failed;
}

async function inspect(url: URL, values: ReplicaValues, signal: AbortSignal): Promise<ReplicaInfo> {
  const origin = understand(() => replicaOrigin(url, replicaAccessFrom(url, values)));
  await using store = await origin.store();
  const layout = parseLayout(values.layout);
  const files = await listReplica(store, layout, { signal });
  const reachable = reachableTxids(files);
  const base = {
    replica: store.name,
    levels: levelsOf(files),
    states: reachable.length,
    oldestTxid: reachable[0]?.toString(),
    newestTxid: reachable.at(-1)?.toString(),
  };
  try {
    const { pages, timestampMs } = await assemble(store, {}, { layout, signal });
    const { size, pageSize, files: plan } = pages;
    return { ...base, timestampMs, size, pageSize, planFiles: plan.length, problem: undefined };
  } catch (error) {
    if (!isHeadwaterError(error, "SOURCE_NOT_FOUND") && !isHeadwaterError(error, "CORRUPT")) {
      throw error;
    }
    const unknown = { timestampMs: undefined, size: undefined, pageSize: undefined };
    return { ...base, ...unknown, planFiles: undefined, problem: messageOf(error) };
  }
}

function levelsOf(files: readonly ReplicaFile[]): Level[] {
  const levels: Level[] = [];
  for (let level = SNAPSHOT_LEVEL; level >= 0; level -= 1) {
    const own = files.filter((file) => file.level === level);
    const [first] = own;
    if (first === undefined) continue;
    const min = own.reduce((txid, { minTxid }) => (minTxid < txid ? minTxid : txid), first.minTxid);
    const max = own.reduce((txid, { maxTxid }) => (maxTxid > txid ? maxTxid : txid), first.maxTxid);
    const bytes = own.reduce((sum, { size }) => sum + size, 0);
    levels.push({ level, files: own.length, bytes, minTxid: `${min}`, maxTxid: `${max}` });
  }
  return levels;
}

function describe(info: ReplicaInfo): string {
  const rows: (readonly [string, string])[] = [["replica", info.replica]];
  for (const { level, files, bytes, minTxid, maxTxid } of info.levels) {
    const name = level === SNAPSHOT_LEVEL ? "snapshots" : `level ${level}`;
    const count = `${formatCount(files)} ${files === 1 ? "file" : "files"}`;
    rows.push([name, `${count}, ${formatBytes(bytes)}, TXIDs ${minTxid} to ${maxTxid}`]);
  }
  const { states, oldestTxid, newestTxid, timestampMs, size, pageSize, planFiles } = info;
  if (states > 0) {
    const span = states === 1 ? `TXID ${newestTxid}` : `from TXID ${oldestTxid} to ${newestTxid}`;
    rows.push(["states", `${formatCount(states)}, ${span}`]);
  }
  if (timestampMs !== undefined && size !== undefined) {
    const pages = `${formatBytes(size)} in pages of ${pageSize}`;
    const time = new Date(timestampMs).toISOString();
    rows.push(["newest", `TXID ${newestTxid}, ${time}: ${pages}, from ${planFiles} files`]);
  }
  rows.push([
    "restore",
    info.problem === undefined ? "possible" : `impossible: ${inFlags(info.problem)}`,
  ]);
  return rows.map(([name, value]) => `${name.padEnd(10)} ${printable(value)}\n`).join("");
}
