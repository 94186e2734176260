import type { Extension } from "../test/litestream/extension.ts";
import { runSqlite } from "../test/litestream/transactions.ts";
import { primeMemory, withTarget } from "./files.ts";
import {
  type Contender,
  type FirstTable,
  Ours,
  type ReplicaPlace,
  Theirs,
} from "./litestream-contenders.ts";
import type { BenchReplica } from "./litestream-replica.ts";
import { timed } from "./measure.ts";
import type { Counts, Origin } from "./origin.ts";
import type { Bench } from "./report.ts";

/** Where both find the replica, and what counts their requests there. */
export interface Store {
  readonly what: string;
  readonly place: ReplicaPlace;
  readonly origin: Origin | undefined;
  /** What our time may be of theirs. */
  readonly timeTarget: number;
}

/** What every run works with. */
export interface Setting {
  readonly bench: Bench;
  readonly replica: BenchReplica;
  readonly sqlite: string | undefined;
}

/** What one hydration cost. */
export interface Cost {
  /** Until the process had loaded what it needs. */
  readonly startSeconds: number;
  /** From the opening until all is local. */
  readonly seconds: number;
  readonly counts: Counts | undefined;
  readonly peakBytes: number;
  /** Of all rows, as SQLite reads them from the local database; empty without SQLite. */
  readonly rowsHash: string;
}

export type Start = (place: ReplicaPlace, path: string) => Promise<Contender>;

export const startOurs: Start = (place, path) => Ours.start(place, path);

export function startTheirs(extension: Extension): Start {
  return (place, path) => Theirs.start(extension, place, path);
}

export async function hydrateOnce(setting: Setting, store: Store, start: Start): Promise<Cost> {
  const { bench, replica, sqlite } = setting;
  const { place, origin } = store;
  await primeMemory(bench.folder, replica.size);
  return await withTarget(bench.folder, async (path) => {
    const starting = performance.now();
    await using contender = await start(place, path);
    const startSeconds = (performance.now() - starting) / 1000;
    await origin?.reset();
    const seconds = await timed(async () => {
      await contender.open();
      await contender.hydrated();
    });
    const counts = await origin?.counts();
    const { peakBytes, rowsHash = hashRows(sqlite, path) } = await contender.finish();
    return { startSeconds, seconds, counts, peakBytes, rowsHash };
  });
}

function hashRows(sqlite: string | undefined, path: string): string {
  return sqlite === undefined ? "" : runSqlite(sqlite, path, ".sha3sum").trim();
}

/** From the opening until the first row of a table is there, in seconds, while hydration runs. */
export async function firstRowOnce(
  { bench }: Setting,
  { place }: Store,
  table: FirstTable,
  start: Start,
): Promise<number> {
  return await withTarget(bench.folder, async (path) => {
    await using contender = await start(place, path);
    return await timed(async () => {
      await contender.open();
      await contender.readFirstRow(table);
    });
  });
}

/** The first table of the database; undefined where it has none, or nobody can read it. */
export async function firstTable(
  { bench, sqlite }: Setting,
  { place }: Store,
): Promise<FirstTable | undefined> {
  if (sqlite === undefined) return undefined;
  return await withTarget(bench.folder, async (path) => {
    await using ours = await Ours.start(place, path);
    await ours.open();
    await ours.hydrated();
    await ours.finish();
    const found = runSqlite(
      sqlite,
      path,
      "select json_object('name', name, 'root', rootpage) from sqlite_master",
      "where type = 'table' and rootpage > 0 and name not like 'sqlite_%' order by rootpage limit 1;",
    );
    return found === "" ? undefined : (JSON.parse(found) as FirstTable);
  });
}
