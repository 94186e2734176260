import { join } from "node:path";
import { type Extension, lookForExtension } from "../../test/litestream/extension.ts";
import { lookForProgram } from "../../test/programs.ts";
import { Ours, placeInStore } from "../litestream-contenders.ts";
import { type BenchReplica, benchReplica } from "../litestream-replica.ts";
import {
  type Cost,
  firstRowOnce,
  firstTable,
  hydrateOnce,
  type Setting,
  type Store,
  startOurs,
  startTheirs,
} from "../litestream-runs.ts";
import { inTurns, median, type Pair, summary } from "../measure.ts";
import { type Counts, type Origin, startReplicaOrigin } from "../origin.ts";
import { duration, MIB, mebibytes, type Report, type Row, type Subject } from "../report.ts";

const ROUNDS = 7;
const LATENCY_MS = 20;
/** What the least that must be fetched may be exceeded by. */
const BYTES_TARGET = 1.07;
const MEMORY_TARGET = 0.5;

function storesOf({ folder }: BenchReplica, origin: Origin): readonly [Store, Store] {
  const inFiles = `file://${folder}`;
  return [
    {
      what: `object store, ${LATENCY_MS} ms`,
      place: placeInStore(origin),
      origin,
      timeTarget: 0.6,
    },
    {
      what: "files",
      place: { ours: inFiles, layout: "ltx", theirs: inFiles },
      origin: undefined,
      timeTarget: 1,
    },
  ];
}

/** What the rounds have cost, but for the first, which does not count. */
interface Race {
  readonly ours: readonly Cost[];
  readonly theirs: readonly Cost[];
  readonly pairs: readonly Pair[];
}

async function race(setting: Setting, store: Store, extension: Extension): Promise<Race> {
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  const pairs = await inTurns(
    ROUNDS,
    async () => {
      const cost = await hydrateOnce(setting, store, startOurs);
      ours.push(cost);
      return cost.seconds;
    },
    async () => {
      const cost = await hydrateOnce(setting, store, startTheirs(extension));
      theirs.push(cost);
      return cost.seconds;
    },
  );
  const hashes = new Set([...ours, ...theirs].map(({ rowsHash }) => rowsHash));
  if (hashes.size !== 1) throw new Error(`they have other rows: ${[...hashes].join(", ")}`);
  return { ours: ours.slice(1), theirs: theirs.slice(1), pairs };
}

const peak = (costs: readonly Cost[]): number =>
  Math.max(...costs.map(({ peakBytes }) => peakBytes));

/** Our highest count, and their lowest. */
function counted(of: keyof Counts, ours: readonly Cost[], theirs: readonly Cost[]): Pair {
  const all = (costs: readonly Cost[]): number[] => costs.map(({ counts }) => counts?.[of] ?? 0);
  return { ours: Math.max(...all(ours)), theirs: Math.min(...all(theirs)) };
}

function leastRow(what: string, bytes: number, { leastBytes }: BenchReplica): Row {
  return {
    what: `${what}: bytes`,
    ours: mebibytes(bytes),
    theirs: `newest frames and indexes: ${mebibytes(leastBytes)}`,
    figure: bytes / leastBytes,
    target: BYTES_TARGET,
  };
}

/** Where theirs is something to compare with. */
function against(
  what: string,
  { ours, theirs }: Pair,
  show: (value: number) => string,
  target: number | undefined,
  figure: number = ours / theirs,
): Row {
  return { what, ours: show(ours), theirs: `Litestream: ${show(theirs)}`, figure, target };
}

function countRows(what: string, { ours, theirs }: Race, replica: BenchReplica): Row[] {
  const requests = counted("requests", ours, theirs);
  const bytes = counted("bytes", ours, theirs);
  return [
    against(`${what}: requests`, requests, String, 1),
    against(`${what}: bytes`, bytes, mebibytes, 1),
    leastRow(what, bytes.ours, replica),
  ];
}

async function firstRow(setting: Setting, store: Store, extension: Extension): Promise<Row[]> {
  const table = await firstTable(setting, store);
  if (table === undefined) return [];
  const pairs = await inTurns(
    ROUNDS,
    () => firstRowOnce(setting, store, table, startOurs),
    () => firstRowOnce(setting, store, table, startTheirs(extension)),
  );
  const found = summary(pairs);
  return [against(`${store.what}: first row of a table`, found, duration, undefined, found.ratio)];
}

async function comparedRows(setting: Setting, store: Store, extension: Extension): Promise<Row[]> {
  const { what, timeTarget, origin } = store;
  const raced = await race(setting, store, extension);
  const time = summary(raced.pairs);
  const memory = { ours: peak(raced.ours), theirs: peak(raced.theirs) };
  return [
    against(`${what}: hydrated`, time, duration, timeTarget, time.ratio),
    ...(origin === undefined ? [] : countRows(what, raced, setting.replica)),
    against(`${what}: peak memory`, memory, mebibytes, MEMORY_TARGET),
    ...(await firstRow(setting, store, extension)),
  ];
}

/** Without anything to compare with. */
async function ownRows(setting: Setting, store: Store): Promise<Row[]> {
  const costs: Cost[] = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    const cost = await hydrateOnce(setting, store, startOurs);
    if (round >= 0) costs.push(cost);
  }
  const { what, origin } = store;
  const own = (name: string, ours: string, figure: number): Row => {
    return { what: `${what}: ${name}`, ours, theirs: "", figure, target: undefined };
  };
  const seconds = median(costs.map((cost) => cost.seconds));
  const { ours: requests } = counted("requests", costs, []);
  const { ours: bytes } = counted("bytes", costs, []);
  return [
    own("hydrated, s", duration(seconds), seconds),
    ...(origin === undefined
      ? []
      : [own("requests", `${requests}`, requests), leastRow(what, bytes, setting.replica)]),
    own("peak memory, MiB", mebibytes(peak(costs)), peak(costs) / MIB),
  ];
}

/** Beside the one other program that does this. */
export const litestreamSubject: Subject = {
  letter: "m",
  title: "A Litestream replica becomes local, beside the Litestream extension",

  async run(bench): Promise<Report> {
    const found = lookForExtension();
    const extension = "missing" in found ? undefined : found;
    const sqlite = extension?.sqlite ?? lookForProgram("sqlite3");
    const replica = await benchReplica(join(bench.folder, "litestream"), sqlite);
    const setting = { bench, replica, sqlite };
    await using origin = await startReplicaOrigin(replica.served, LATENCY_MS);
    const [remote, local] = storesOf(replica, origin);
    const rows: Row[] = [];
    for (const store of [remote, local]) {
      const rowsOf =
        extension === undefined
          ? await ownRows(setting, store)
          : await comparedRows(setting, store, extension);
      rows.push(...rowsOf.filter(({ figure }) => !Number.isNaN(figure)));
    }
    await using idle = await Ours.start(local.place, join(bench.folder, "idle.db"));
    const notes = [sampleNote(replica), idleNote(idle.peakBytes)];
    if ("missing" in found) return { rows, notes: [...notes, `Not compared: ${found.missing}.`] };
    return { rows, notes: [...notes, ...COMPARISON] };
  },
};

function sampleNote({ origin, files, size }: BenchReplica): string {
  return (
    `${origin[0]?.toUpperCase()}${origin.slice(1)}: ${files} files on one level, a database of ` +
    `${mebibytes(size)}. ${ROUNDS} rounds, each in a new process that has loaded everything ` +
    "before time counts. Requests, bytes and memory are the highest of ours and the lowest (memory: " +
    "the highest) of theirs."
  );
}

function idleNote(peakBytes: number): string {
  return (
    `Ours holds ${mebibytes(peakBytes)} when its modules are loaded. Its time goes on until the ` +
    "file is verified as far as it can be, on the disk and under its own name."
  );
}

const COMPARISON: readonly string[] = [
  "Theirs is litestream-vfs in the command line of SQLite, with hydration on, until it reports " +
    "100 %: it does not flush its file. Memory is that of each process, theirs with a query over " +
    "all rows at its end. The rows were equal in every round.",
  "The object store is one process that holds all in memory and answers each request after " +
    `${LATENCY_MS} ms: to theirs as S3 (an s3: URL with an endpoint), to ours as a web server that ` +
    "lists its folders in JSON. The same objects; all requests count, also those for lists.",
  "First row: theirs opens the database and runs `select * from t limit 1`; ours opens it and reads " +
    "the pages that this takes, without an SQLite. Hydration is on.",
];
