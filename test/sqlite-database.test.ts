import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  type Database,
  type OpenDatabaseOptions,
  openDatabase,
  SqliteError,
} from "../adapters/sqlite/index.ts";
import { HeadwaterError, type ReadOptions } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { findSqlite, make, makeFolder } from "./sqlite-databases.ts";

const test = suite("databases");

const program = findSqlite();
const folder = makeFolder();

const ROWS = 5000;
const RECIPE = {
  name: "people",
  sql: `create table people(id integer primary key, name text unique, age integer, photo blob);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into people select i, 'name ' || i, i % 90, zeroblob(i % 50) from n;
    create index people_age on people(age);
    create table big(n);
    insert into big values (9007199254740993), (-5), (1.5), (null), ('text'), (x'0102');`,
};

const original = program === undefined ? undefined : readFileSync(make(program, folder, RECIPE));
let opened = 0;

/** A source that can be told to fail, to wait and to count. */
class TroubledSource extends MemoryDevice {
  trouble: (offset: number) => Promise<void> = async () => {};
  readonly offsets: number[] = [];

  override async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    this.offsets.push(offset);
    await this.trouble(offset);
    return super.read(offset, length, options);
  }
}

interface Opened extends AsyncDisposable {
  readonly db: Database;
  readonly source: TroubledSource;
  readonly file: string;
}

async function open(options: OpenDatabaseOptions = {}): Promise<Opened> {
  opened += 1;
  const file = join(folder, `copy-${opened}.db`);
  const source = new TroubledSource(new Uint8Array(original ?? []), { identity: "people" });
  const retries = { demand: 0, backoffMs: 1 };
  const db = await openDatabase(source, file, { retries, readAround: 0, ...options });
  return { db, source, file, [Symbol.asyncDispose]: () => db.close() };
}

function testWith(name: string, work: () => Promise<void>): void {
  test(name, async () => {
    if (original !== undefined) await work();
  });
}

testWith("answers at once, and ends as the file that it was", async () => {
  const { db, source, file } = await open({ noHydration: true });
  const row = await db.get("select name, age from people where id = ?", [4711]);
  assert.equal(row, { name: "name 4711", age: 31 });
  assert.ok(source.offsets.length < 8, `${source.offsets.length} reads`);
  assert.is(db.localPath, undefined);
  assert.is(await db.ensureLocal(), file);
  assert.is(db.localPath, file);
  assert.equal(await db.get("select count(*) as n from people"), { n: ROWS });
  await db.close();
  assert.equal(readFileSync(file), original);
});

testWith("values of every type come and go as they are", async () => {
  await using at = await open();
  const { db } = at;
  const rows = await db.all("select n, typeof(n) as t from big");
  assert.equal(rows, [
    { n: 9007199254740993n, t: "integer" },
    { n: -5, t: "integer" },
    { n: 1.5, t: "real" },
    { n: null, t: "null" },
    { n: "text", t: "text" },
    { n: new Uint8Array([1, 2]), t: "blob" },
  ]);
  const values = [null, 1, 2 ** 40, 0.5, 2n ** 62n, "zwölf 🎉", new Uint8Array([0, 255]), true, ""];
  for (const value of values) {
    const { v, t } = (await db.get("select ? as v, typeof(?1) as t", [value])) ?? {};
    const isNumber = typeof value === "number" || typeof value === "boolean";
    assert.equal(v, isNumber ? Number(value) : value);
    assert.is.not(t, undefined);
  }
  const long = "x".repeat(200_000);
  assert.is((await db.get("select length(:long) as n", { long }))?.n, long.length);
  assert.equal(await db.columns("select id, age + 1 as next from people"), [
    { name: "id", column: "id", table: "people", database: "main", type: "INTEGER" },
    { name: "next", column: null, table: null, database: null, type: null },
  ]);
});

testWith("a mistake is told as SQLite tells it", async () => {
  await using at = await open();
  const { db } = at;
  const cases: [work: () => Promise<unknown>, code: string, message: RegExp][] = [
    [() => db.all("select nowhere from people"), "SQLITE_ERROR", /no such column: nowhere/],
    [() => db.all("selekt 1"), "SQLITE_ERROR", /near "selekt": syntax error/],
    [() => db.run("insert into people(id) values (1)"), "SQLITE_READONLY", /readonly database/],
  ];
  for (const [work, code, message] of cases) {
    const error = await rejection(work());
    assert.instance(error, SqliteError);
    assert.is((error as SqliteError).code, code);
    assert.match((error as SqliteError).message, message);
  }
  assert.instance(await rejection(db.all("select ?", [])), RangeError);
  assert.instance(await rejection(db.all("select ?", [1, 2])), RangeError);
  assert.instance(await rejection(db.all("select :a", { b: 1 })), RangeError);
  assert.instance(await rejection(db.all("", [])), RangeError);
  assert.instance(await rejection(db.all("select 1; select 2")), RangeError);
  assert.is((await db.get("select 1 as one"))?.one, 1, "the connection goes on");
});

testWith("rows come as they are wanted, and not all must be", async () => {
  await using at = await open();
  const { db } = at;
  const ids: unknown[] = [];
  const statement = db.prepare("select id from people order by id");
  for await (const { id } of statement.iterate()) {
    ids.push(id);
    if (ids.length === 1) assert.is((await statement.get())?.id, 1, "the same one in between");
    if (ids.length === 1000) break;
  }
  assert.equal(
    ids,
    Array.from({ length: 1000 }, (_, index) => index + 1),
  );
  let count = 0;
  for await (const _ of statement.iterate()) count += 1;
  assert.is(count, ROWS);
});

testWith("rows come as arrays too, where two columns have one name", async () => {
  await using at = await open();
  const { db } = at;
  const pairs = db.prepare(
    "select a.id, b.id from people a join people b on b.id = a.id + 1 order by 1",
  );
  const ids: unknown[] = [];
  for await (const { names, rows } of pairs.iterateBatches()) {
    assert.equal(names, ["id", "id"]);
    for (const row of rows) ids.push(row);
    if (ids.length > 1000) break;
  }
  assert.equal(ids.slice(0, 2), [
    [1, 2],
    [2, 3],
  ]);
  const nothing = db.prepare("select id as i from people where id = ?");
  for await (const batch of nothing.iterateBatches([-1])) {
    assert.equal(batch, { names: ["i"], rows: [] });
  }
  assert.equal(await nothing.get([3]), { i: 3 }, "the names are known from before");
  for await (const batch of db.prepare("savepoint s").iterateBatches()) {
    assert.equal(batch, { names: [], rows: [] });
  }
  await db.exec("release s");
});

testWith("a transaction is whole or not at all, and nobody else is in it", async () => {
  await using at = await open({ writable: true });
  const { db } = at;
  const failing = db.transaction(async (transaction) => {
    await transaction.run("delete from people where id <= 100");
    await transaction.run("insert into people(id, name) values (?, ?)", [101, "name 101"]);
  });
  const between = db.get("select count(*) as n from people");
  const error = await rejection(failing);
  assert.is((error as SqliteError).code, "SQLITE_CONSTRAINT_PRIMARYKEY");
  assert.is((await between)?.n, ROWS);
  const changes = await db.transaction(async (transaction) => {
    const { changes } = await transaction.run("delete from people where id <= 100");
    return changes;
  });
  assert.is(changes, 100);
  const other = db.connect();
  assert.is((await other.get("select count(*) as n from people"))?.n, ROWS - 100);
  await other.close();
});

testWith("what is written is there when the database is opened again", async () => {
  const { db, file, source } = await open({ writable: true, noHydration: true });
  await db.exec("update people set name = 'first' where id = 1; create table more(x)");
  const many = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 9000)
    insert into more select i || ' is a row that takes some room' from n`;
  await db.exec(many);
  await db.exec("delete from people where id between 2000 and 4000; vacuum");
  await db.close();
  const again = await openDatabase(source, file, { writable: true });
  assert.is((await again.get("select name from people where id = 1"))?.name, "first");
  assert.is((await again.get("select count(*) as n from more"))?.n, 9000);
  assert.is(await again.pragma("integrity_check", { simple: true }), "ok");
  await again.ensureLocal();
  await again.close();
  const checked = spawnSync(program ?? "", [
    file,
    "pragma integrity_check; select count(*) from more",
  ]);
  assert.is(`${checked.stdout}`, "ok\n9000\n");
});

testWith(
  "a page that cannot be had is an error that says why, and only for who needs it",
  async () => {
    await using at = await open({ noHydration: true });
    const { db, source } = at;
    await db.all("select * from people where id < 50");
    source.trouble = async () => {
      throw new HeadwaterError("SOURCE_FAILED", "the cable is cut", { retryable: true });
    };
    const error = await rejection(db.all("select sum(length(photo)) from people"));
    assert.instance(error, SqliteError);
    assert.is((error as SqliteError).code, "SQLITE_IOERR_READ");
    assert.match((error as SqliteError).message, /the cable is cut/);
    assert.is(((error as SqliteError).cause as HeadwaterError).code, "SOURCE_FAILED");
    assert.is(
      (await db.all("select * from people where id < 50")).length,
      49,
      "what is here is served",
    );
    source.trouble = async () => {};
    assert.is((await db.get("select count(photo) as n from people"))?.n, ROWS);
  },
);

testWith("nobody waits for ever: a time limit, a signal and an interrupt end a wait", async () => {
  await using at = await open({ noHydration: true, pageTimeoutMs: 200 });
  const { db, source } = at;
  await db.get("select 1");
  let hangs = 0;
  source.trouble = () =>
    new Promise<void>(() => {
      hangs += 1;
    });
  const late = await rejection(db.all("select count(name) from people"));
  assert.is((late as SqliteError).code, "SQLITE_IOERR_READ");
  assert.is(((late as SqliteError).cause as HeadwaterError).code, "TIMEOUT");
  assert.ok(hangs > 0);

  const abort = new AbortController();
  const aborted = rejection(db.all("select count(age) from people", [], { signal: abort.signal }));
  setTimeout(() => abort.abort(new Error("enough")), 20);
  assert.is(((await aborted) as Error).message, "enough");

  const interrupted = rejection(db.all("select max(photo) from people"));
  setTimeout(() => db.interrupt(), 20);
  assert.is(((await interrupted) as SqliteError).code, "SQLITE_INTERRUPT");
});

testWith("what runs can be ended too, and the next statement runs", async () => {
  await using at = await open();
  const { db } = at;
  const endless =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
  const abort = new AbortController();
  const running = rejection(db.all(endless, [], { signal: abort.signal }));
  const next = db.get("select 2 as two");
  setTimeout(() => abort.abort(new Error("stop")), 50);
  assert.is(((await running) as Error).message, "stop");
  assert.is((await next)?.two, 2);
});

testWith("functions of a module can be used in SQL", async () => {
  await using at = await open();
  const { db } = at;
  const module = `data:text/javascript,${encodeURIComponent(`
    export const twice = (value) => value * 2;
    export default { start: 0, step: (total, value) => total + value, result: (total) => -total };
    export const fails = () => { throw new RangeError("not today"); };
  `)}`;
  await db.function("twice", { url: module, export: "twice" }, { deterministic: true });
  await db.function("fails", { url: module, export: "fails" });
  await db.aggregate("minus", { url: module });
  assert.is((await db.get("select twice(21) as n"))?.n, 42);
  assert.is((await db.get("select minus(id) as n from people where id < 4"))?.n, -6);
  const error = await rejection(db.get("select fails()"));
  assert.instance(error, RangeError);
  assert.is((error as RangeError).message, "not today");
});

test.run();
