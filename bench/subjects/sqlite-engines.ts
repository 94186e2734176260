import { join } from "node:path";
import { FileDevice } from "../../adapters/file/index.ts";
import { type Database, type NativeOption, openDatabase } from "../../adapters/sqlite/index.ts";
import { lookForProgram } from "../../test/programs.ts";
import { findNative } from "../../test/sqlite/native.ts";
import { inTurns, seeded, summary, timed } from "../measure.ts";
import { type Bench, duration, mebibytes, type Report, type Row, type Subject } from "../report.ts";
import type { EngineOrder } from "../sqlite-engine-thread.ts";
import { askAll, EngineThread } from "../sqlite-engines.ts";
import { makeDatabase, ROWS, sizeOf } from "../sqlite-runs.ts";

const ROUNDS = 7;
const POINTS = 20_000;
const CALLS = 2000;
const POINT_SQL = "select id, k, n, body from items where id = ?";
const SCAN_SQL = "select count(*) as n, sum(length(body)) as bytes from items";
const JOIN_SQL =
  "select count(*) as n, sum(b.n) as total from items a join items b on b.k = a.k where a.n < 100";

interface Question {
  readonly what: string;
  readonly order: EngineOrder;
  /** As a rate, ours / theirs, for SQLite in WebAssembly. */
  readonly wasm: number;
}

const QUESTIONS: readonly Question[] = [
  {
    what: `${POINTS} rows by their keys`,
    order: { kind: "points", sql: POINT_SQL, count: POINTS, keys: ROWS },
    wasm: 0.9,
  },
  { what: "a scan", order: { kind: "query", sql: SCAN_SQL }, wasm: 0.6 },
  { what: "a join through an index", order: { kind: "query", sql: JOIN_SQL }, wasm: 0.6 },
];
const NATIVE_RATE = 0.9;
const CALL_RATE = 0.6;

/** With all of it local, and the driver that is to be measured. */
async function openLocal(
  bench: Bench,
  source: string,
  native: NativeOption,
): Promise<{ database: Database; close(): Promise<void> }> {
  const device = await FileDevice.open(source);
  const database = await openDatabase(device, join(bench.folder, `items-${native}.db`), { native });
  await database.ensureLocal();
  while (native === "auto" && database.driver === "wasm") await database.get("select 1");
  const close = async (): Promise<void> => {
    await database.close();
    await device.close();
  };
  return { database, close };
}

async function compare(
  what: string,
  rate: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Row> {
  const found = summary(await inTurns(ROUNDS, ours, theirs));
  return {
    what,
    ours: duration(found.ours),
    theirs: `better-sqlite3: ${duration(found.theirs)}`,
    figure: found.ratio,
    target: Number((1 / rate).toFixed(3)),
  };
}

async function onThreads(
  database: Database,
  theirs: EngineThread,
  rateOf: (question: Question) => number,
): Promise<Row[]> {
  const { thread: ours, driver } = await EngineThread.ours(database);
  await using _ = ours;
  const rows: Row[] = [];
  for (const question of QUESTIONS) {
    const { what, order } = question;
    const [mine, other] = [() => ours.took(order), () => theirs.took(order)];
    rows.push(await compare(`${driver}: ${what}`, rateOf(question), mine, other));
  }
  return rows;
}

async function calls(database: Database, theirs: EngineThread): Promise<Row[]> {
  const random = seeded(CALLS);
  const keys = Array.from({ length: CALLS }, () => 1 + Math.floor(random() * ROWS));
  const rows: Row[] = [];
  for (const isPipelined of [false, true]) {
    const how = isPipelined ? "100 at once" : "awaited one by one";
    rows.push(
      await compare(
        `${database.driver}: ${CALLS} calls of get, ${how}`,
        CALL_RATE,
        () => timed(() => askAll((key) => database.get(POINT_SQL, [key]), keys, isPipelined)),
        () => timed(() => askAll((key) => theirs.row(POINT_SQL, key), keys, isPipelined)),
      ),
    );
  }
  return rows;
}

async function measure(bench: Bench, path: string): Promise<Row[]> {
  await using theirs = await EngineThread.theirs(path);
  const wasm = await openLocal(bench, path, "off");
  const native = await openLocal(bench, path, "auto");
  try {
    return [
      ...(await onThreads(wasm.database, theirs, ({ wasm }) => wasm)),
      ...(await onThreads(native.database, theirs, () => NATIVE_RATE)),
      ...(await calls(wasm.database, theirs)),
      ...(await calls(native.database, theirs)),
    ];
  } finally {
    await native.close();
    await wasm.close();
  }
}

/** What a database that is local costs beside better-sqlite3 on the same file. */
export const sqliteEnginesSubject: Subject = {
  letter: "n",
  title: "Queries of a SQLite database that is local",

  async run(bench): Promise<Report> {
    const sqlite = lookForProgram("sqlite3");
    if (sqlite === undefined || (await findNative()) === undefined) {
      return { rows: [], notes: ["Not measured: sqlite3 or better-sqlite3 is not installed."] };
    }
    const path = await makeDatabase(bench, sqlite);
    return {
      rows: await measure(bench, path),
      notes: [
        `A database of ${mebibytes(await sizeOf(path))}. Rows, scan and join: \`DatabaseSync\` on a ` +
          "thread beside better-sqlite3 on another one, with its defaults. Calls: the asynchronous " +
          "`Database` beside the plainest message to a thread with better-sqlite3, and back.",
      ],
    };
  },
};
