import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileDevice } from "../adapters/file/index.ts";
import { openDatabase, type SqlRow } from "../adapters/sqlite/index.ts";
import { findNative, type Native } from "./sqlite/native.ts";
import { findSqlite, make, makeFolder } from "./sqlite-databases.ts";
import type { Life } from "./sqlite-kill/life.ts";

const test = suite("kill -9 round the takeover by a native driver");

/** So many steps of each way are tried, evenly apart, from one that the seed says. */
const KILLS = Number(process.env.SQL_KILLS ?? 2);
const SEED = Number(process.env.KILL_SEED ?? 5);

const ACCOUNTS = 200;
const MOVES = 5;
const SQL = `
  create table accounts(id integer primary key, balance integer not null, padding blob);
  insert into accounts select value, 1000, zeroblob(700) from generate_series(1, ${ACCOUNTS});
  create table moves(n integer not null);
  insert into moves values (0);
  create table rest(padding blob); -- arrives last
  insert into rest select zeroblob(3000) from generate_series(1, 100);`;
const STATE = `select (select n from moves) as n, count(*) as count, sum(balance) as sum,
  min(balance) as least, max(balance) as most from accounts`;

const program = findSqlite();
const Library = await findNative();
const folder = makeFolder();
const original = program === undefined ? "" : make(program, folder, { name: "original", sql: SQL });

interface Death {
  /** Of the main thread's changes of files, the connection's, or the points between statements. */
  readonly step?: number;
  readonly threadStep?: number;
  readonly point?: number;
}

interface Lived {
  readonly said: string;
  readonly isKilled: boolean;
}

function live(path: string, { step = 0, threadStep = 0, point = 0 }: Death): Lived {
  const place = (name: string): string =>
    fileURLToPath(new URL(`./sqlite-kill/${name}.js`, import.meta.url));
  const life: Life = { original, path, step, point };
  const words = ["--import", place("thread-death"), place("life"), JSON.stringify(life)];
  const env = { ...process.env, THREAD_STEP: `${threadStep}` };
  const child = spawnSync(process.execPath, words, { env, encoding: "utf8", timeout: 60_000 });
  const isKilled = child.signal === "SIGKILL";
  if (!isKilled && child.status !== 0)
    throw new Error(`it ended with ${child.status}: ${child.stderr}`);
  return { said: child.stdout, isKilled };
}

function countIn(said: string, pattern: RegExp): number {
  return Number([...said.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

/** What is wrong with what is found, of which so much was committed. */
function check(row: SqlRow | undefined, committed: number): void {
  const n = Number(row?.n);
  assert.ok(n === committed || n === committed + 1, `${committed} are committed, ${n} are found`);
  const whole = { n, count: ACCOUNTS, sum: ACCOUNTS * 1000, least: 1000 - n, most: 1000 + n };
  assert.equal(row, whole);
}

/** As a driver that knows nothing of us finds it. Its own opening rolls back what was not whole. */
function checkFile(Driver: Native, path: string, committed: number): void {
  const database = new Driver(path, { fileMustExist: true });
  try {
    check(database.prepare(STATE).get() as SqlRow, committed);
    assert.is(database.pragma("integrity_check", { simple: true }), "ok");
    // A journal without anything in it stays until something is written, with any SQLite.
    database.pragma("user_version = 1");
  } finally {
    database.close();
  }
}

/** Nothing that was committed is lost, whoever opens it, and nothing is left over. */
async function examine(Driver: Native, path: string, committed: number): Promise<void> {
  if (existsSync(path)) checkFile(Driver, path, committed);
  await using source = await FileDevice.open(original);
  const db = await openDatabase(source, path, { writable: true });
  try {
    check(await db.get(STATE), committed);
    await db.ensureLocal();
  } finally {
    await db.close();
  }
  checkFile(Driver, path, committed);
  // What one leaves that dies in the midst of taking a lock stays until a lock is taken over.
  const names = readdirSync(join(path, "..")).filter((name) => !name.endsWith(".draft"));
  assert.equal(names.sort(), ["app.db", "app.db.headwater"]);
}

async function dieAndExamine(Driver: Native, death: Death): Promise<Lived> {
  const home = join(folder, "home");
  mkdirSync(home);
  try {
    const path = join(home, "app.db");
    const lived = live(path, death);
    await examine(Driver, path, countIn(lived.said, /committed (\d+)/g));
    return lived;
  } finally {
    rmSync(home, { recursive: true });
  }
}

async function dieAtAll(Driver: Native, key: keyof Death, counted: RegExp): Promise<void> {
  const { said, isKilled } = await dieAndExamine(Driver, {});
  assert.not.ok(isKilled);
  assert.is(countIn(said, /committed (\d+)/g), MOVES);
  assert.match(said, /native/);
  const steps = countIn(said, counted);
  assert.ok(steps > 10, `${steps} steps`);
  let killed = 0;
  const stride = Math.max(1, steps / KILLS);
  for (let at = SEED % stride; at < steps; at += stride) {
    const step = 1 + Math.floor(at);
    if ((await dieAndExamine(Driver, { [key]: step })).isKilled) killed += 1;
  }
  assert.ok(killed > 0, "none was killed");
}

const WAYS: readonly [name: string, key: keyof Death, counted: RegExp][] = [
  ["each change of a file by the thread that owns the copy", "step", /closed (\d+)/g],
  ["each change of a file by the connection", "threadStep", /changes (\d+)/g],
  ["each statement of a transaction", "point", /closed \d+ (\d+)/g],
];

for (const [name, key, counted] of WAYS) {
  test(`nothing is lost at ${name}`, async () => {
    if (program === undefined || Library === undefined) return;
    await dieAtAll(Library, key, counted);
  });
}

test.run();
