import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Extension, lookForExtension } from "../../test/litestream/extension.ts";
import { environmentOf } from "../../test/litestream/shell.ts";
import { PYTHON, runModule, runPython } from "../child.ts";
import { withTarget } from "../files.ts";
import { placeInStore, THEIR_IDENTITY } from "../litestream-contenders.ts";
import type { QueryOrder, QueryTimes, Questions } from "../litestream-queries.ts";
import { benchReplica } from "../litestream-replica.ts";
import { inTurns, median, percentile, seeded } from "../measure.ts";
import { startReplicaOrigin } from "../origin.ts";
import { duration, type Report, type Row, type Subject } from "../report.ts";

const ROUNDS = 5;
const LATENCY_MS = 20;
const QUERIES = 20_000;
/** What the replica has, the made-up one and those that are like it. */
const KEYS = 150_000;
const SQL = "select id, n, body from items where id = ?";

/** Of every round, but for the first, which does not count. */
interface Race {
  readonly ours: readonly QueryTimes[];
  /** Ours, where SQLite is loaded while a database is opened. */
  readonly unloaded: readonly QueryTimes[];
  readonly theirs: readonly QueryTimes[];
}

function row(
  what: string,
  { ours, theirs }: Pick<Race, "ours" | "theirs">,
  of: (times: QueryTimes) => number,
  target: number | undefined,
  show: (value: number) => string = duration,
): Row {
  const ratios = ours.map((times, round) => of(times) / of(theirs[round] as QueryTimes));
  return {
    what,
    ours: show(median(ours.map(of))),
    theirs: `Litestream: ${show(median(theirs.map(of)))}`,
    figure: median(ratios),
    target,
  };
}

const firstOf = ({ first }: QueryTimes): number => first;

function rowsOf(race: Race): Row[] {
  return [
    row("opened, and the first row by its key", race, firstOf, 0.5),
    row("the same, SQLite not loaded before", { ...race, ours: race.unloaded }, firstOf, undefined),
    row(
      "a row by its key while it hydrates, p50",
      race,
      ({ during }) => percentile(during, 50),
      0.25,
    ),
    row("while it hydrates, p99", race, ({ during }) => percentile(during, 99), 1),
    row("a row by its key when all is local", race, ({ rate }) => 1 / rate, 1 / 3),
  ];
}

/** Beside the one other program that answers SQL from a replica. */
export const litestreamQueriesSubject: Subject = {
  letter: "p",
  title: "Point queries of a Litestream replica, beside the Litestream extension",

  async run(bench): Promise<Report> {
    const extension = lookForExtension();
    const without = (reason: string): Report => ({ rows: [], notes: [`Not compared: ${reason}.`] });
    if ("missing" in extension) return without(extension.missing);
    if (!existsSync(PYTHON)) return without(`there is no ${PYTHON}`);
    const parent = join(bench.folder, "queries");
    const replica = await benchReplica(parent, extension.sqlite);
    await using origin = await startReplicaOrigin(replica.served, LATENCY_MS);
    const place = placeInStore(origin);
    const random = seeded(5);
    const ids = Array.from({ length: QUERIES }, () => 1 + Math.floor(random() * KEYS));
    const questions: Questions = { sql: SQL, ids };
    const ours: QueryTimes[] = [];
    const unloaded: QueryTimes[] = [];
    const theirs: QueryTimes[] = [];
    const askOurs = (isLoaded: boolean): Promise<QueryTimes> =>
      withTarget(bench.folder, async (path) => {
        const asked = { ...questions, replica: place.ours, layout: "s3" as const, path };
        const order: QueryOrder = { ...asked, isLoaded };
        return (await runModule("litestream-queries.js", order)) as QueryTimes;
      });
    await inTurns(
      ROUNDS,
      async () => {
        unloaded.push(await askOurs(false));
        return ours.push(await askOurs(true));
      },
      () =>
        withTarget(bench.folder, async (path) =>
          theirs.push(await askTheirs(extension, place.theirs, path, questions)),
        ),
    );
    return {
      rows: rowsOf({
        ours: ours.slice(1),
        unloaded: unloaded.slice(1),
        theirs: theirs.slice(1),
      }),
      notes: [
        `The replica of subject m, ${LATENCY_MS} ms a request, hydration on; ${ROUNDS} rounds, ` +
          "each in a new process that has loaded everything before time counts, but for the row " +
          "that says otherwise. Random keys, the same for both, one query after the other until " +
          "all is local, and then " +
          `${QUERIES} more.`,
        "Theirs is litestream-vfs in the sqlite3 module of Python. Ours answers through promises " +
          "from another thread at first; when all is local it is SQLite in WebAssembly, asked on " +
          "its own thread.",
      ],
    };
  },
};

async function askTheirs(
  extension: Extension,
  replica: string,
  path: string,
  questions: Questions,
): Promise<QueryTimes> {
  const place = { replica, folder: dirname(path), hydrateTo: path };
  const env = environmentOf({ ...place, environment: THEIR_IDENTITY });
  const order = { ...questions, extension: extension.path };
  return (await runPython("litestream-queries.py", order, env)) as QueryTimes;
}
