import { existsSync } from "node:fs";
import { lookForProgram } from "../../test/programs.ts";
import { inTurns, summary } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import { type Bench, duration, mebibytes, type Report, type Row, type Subject } from "../report.ts";
import { download, makeDatabase, queryCold, sizeOf } from "../sqlite-runs.ts";

const LATENCY_MS = 30;
const CONNECTION_RATE = 40e6;
const ROUNDS = 5;
const PROJ = "/usr/share/proj/proj.db";
const SCAN = "select count(*) as n, sum(length(body)) as bytes from items";

async function keyed(bench: Bench, path: string): Promise<Row[]> {
  const size = await sizeOf(path);
  const options = { size, latencyMs: LATENCY_MS, connectionRate: CONNECTION_RATE };
  await using origin = await startOrigin({ ...bench, blob: path }, options);
  const rows: Row[] = [];
  for (const [what, sql] of [
    ["by its key", "select body from items where id = 345678"],
    [
      "through an index",
      `select body from items where k = printf('%08x', 345678 * 2654435761 % 4294967291)`,
    ],
  ] as const) {
    const { counts } = await queryCold(bench, origin, sql, { noHydration: true });
    rows.push(
      {
        what: `a row ${what}: requests`,
        ours: `${counts.requests}`,
        theirs: "",
        figure: counts.requests,
        target: 6,
      },
      {
        what: `a row ${what}: bytes / size`,
        ours: mebibytes(counts.bytes),
        theirs: `the database: ${mebibytes(size)}`,
        figure: counts.bytes / size,
        target: 0.01,
      },
    );
  }
  return rows;
}

async function scan(bench: Bench, path: string): Promise<Row[]> {
  const size = await sizeOf(path);
  const options = { size, latencyMs: LATENCY_MS, connectionRate: CONNECTION_RATE };
  await using origin = await startOrigin({ ...bench, blob: path }, options);
  const rows: Row[] = [];
  for (const noHydration of [false, true]) {
    const pairs = await inTurns(
      ROUNDS,
      async () => (await queryCold(bench, origin, SCAN, { noHydration })).seconds,
      () => download(origin, size),
    );
    const { ours, theirs, ratio } = summary(pairs);
    rows.push({
      what: `a scan of the table, ${noHydration ? "nothing hydrated" : "while it hydrates"}`,
      ours: duration(ours),
      theirs: `plain download: ${duration(theirs)}`,
      figure: ratio,
      target: 2,
    });
  }
  return rows;
}

async function proj(bench: Bench): Promise<Row[]> {
  if (!existsSync(PROJ)) return [];
  const size = await sizeOf(PROJ);
  await using origin = await startOrigin(
    { ...bench, blob: PROJ },
    { size, latencyMs: LATENCY_MS, connectionRate: CONNECTION_RATE },
  );
  const sql = "select * from crs_view where code = '4326'";
  const { counts } = await queryCold(bench, origin, sql, { noHydration: true });
  return [
    {
      what: "proj.db, crs_view where code = '4326': bytes / size",
      ours: `${mebibytes(counts.bytes)} in ${counts.requests} requests`,
      theirs: `the database: ${mebibytes(size)}`,
      figure: counts.bytes / size,
      target: 0.15,
    },
  ];
}

/** What a query costs of a database that nobody has read before. */
export const sqliteColdSubject: Subject = {
  letter: "o",
  title: "The first query of a remote SQLite database",

  async run(bench): Promise<Report> {
    const sqlite = lookForProgram("sqlite3");
    if (sqlite === undefined) {
      return {
        rows: [],
        notes: ["Not measured: sqlite3, which makes the database, is not installed."],
      };
    }
    const path = await makeDatabase(bench, sqlite);
    return {
      rows: [...(await keyed(bench, path)), ...(await scan(bench, path)), ...(await proj(bench))],
      notes: [
        `A database of ${mebibytes(await sizeOf(path))}, ${LATENCY_MS} ms a response and ` +
          `${CONNECTION_RATE / 1e6} MB/s a connection. Requests and bytes are those until the row ` +
          "is there, the opening included, with background hydration off; a request is a round " +
          "trip at most. The scan's time includes the opening and the start of its thread.",
      ],
    };
  },
};
