import { existsSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Database, SqlRow } from "../adapters/sqlite/index.ts";
import { rejection } from "./rejection.ts";
import { findBestDriver } from "./sqlite/best-driver.ts";
import { copiesOf, type OpenedCopy } from "./sqlite/copies.ts";
import { Remote } from "./sqlite/remote.ts";
import { TroubledSource } from "./sqlite/troubled-source.ts";

const test = suite("a native driver takes over");

const copies = copiesOf(
  `create table t(id integer primary key, k text, n);
   insert into t select value, 'k' || value, value * 7 from generate_series(1, 500);
   create view v as select k, n from t where n % 2 = 0;`,
);
const best = findBestDriver();
if (best === undefined) console.log("skipped: no native driver works here");

interface Kind {
  readonly writable?: boolean;
  readonly noHydration?: boolean;
}

/** With a copy of which nothing more than was asked for is local. */
function testWith(name: string, kind: Kind, work: (copy: OpenedCopy) => Promise<void>): void {
  test(name, async () => {
    if (copies === undefined || best === undefined) return;
    await using copy = await copies.open({ noHydration: true, ...kind });
    await work(copy);
  });
}

/** Asks until the driver is a native one, which takes some statements where it was refused. */
async function untilNative(db: Database): Promise<void> {
  const end = Date.now() + 20_000;
  while (db.driver === "wasm") {
    assert.ok(Date.now() < end, `the driver is still wasm: ${db.status().driverFailure}`);
    await db.get("select 1");
    await wait(2);
  }
  assert.is(db.driver, best);
}

async function one(db: Database, sql: string): Promise<unknown> {
  const row: SqlRow | undefined = await db.get(sql);
  return Object.values(row ?? {})[0];
}

const MODULE = `data:text/javascript,${encodeURIComponent(
  `export const twice = (value) => 2 * value;
   export const longest = { start: "", step: (total, text) => text.length > total.length ? text : total };`,
)}`;

for (const writable of [false, true]) {
  const kind = { writable };
  const how = writable ? "written" : "only read";

  testWith(`once the database is a file, where it is ${how}`, kind, async ({ db, file }) => {
    assert.is(db.driver, "wasm");
    assert.is(await one(db, "select count(*) from t"), 500);
    assert.is(db.localPath, undefined);
    assert.is(await db.ensureLocal(), file);
    assert.is(db.localPath, file);
    await untilNative(db);
    assert.is(await one(db, "select n from v where k = 'k30'"), 210);
    const { driver, localPath } = db.status();
    assert.equal({ driver, localPath }, { driver: best, localPath: file });
  });

  testWith(`and a statement goes on (${how})`, kind, async ({ db }) => {
    const statement = db.prepare("select k, n from t where id = :id");
    assert.equal(await statement.get({ id: 3n }), { k: "k3", n: 21 });
    await db.ensureLocal();
    await untilNative(db);
    assert.equal(await statement.get({ id: 4n }), { k: "k4", n: 28 });
    assert.equal(await statement.all({ id: 0n }), []);
  });

  testWith(`with what a connection has set (${how})`, kind, async ({ db, file }) => {
    await db.pragma("cache_size = 77");
    await db.pragma("foreign_keys = off");
    await db.pragma("case_sensitive_like = on");
    await db.pragma("busy_timeout = 1234");
    await db.function("twice", { url: MODULE, export: "twice" });
    await db.aggregate("longest", { url: MODULE, export: "longest" });
    const other = `${file}-other`;
    await using made = await copies?.open({ writable: true });
    await made?.db.backup(other);
    await db.exec(`attach '${other}' as "the other"`);
    await db.ensureLocal();
    await untilNative(db);
    assert.is(await db.pragma("cache_size", { simple: true }), 77);
    assert.is(await db.pragma("foreign_keys", { simple: true }), 0);
    assert.is(await db.pragma("recursive_triggers", { simple: true }), 0);
    assert.is(await db.pragma("busy_timeout", { simple: true }), 1234);
    assert.is(await one(db, "select 'a' like 'A'"), 0);
    assert.is(await one(db, "select twice(21)"), 42);
    assert.is(await one(db, "select longest(k) from t"), "k100");
    assert.is(await one(db, `select count(*) from "the other".t`), 500);
  });

  testWith(`not while there are temporary tables (${how})`, kind, async ({ db }) => {
    await db.exec("create temp table mine(a); insert into mine values (5)");
    await db.ensureLocal();
    for (let time = 0; time < 5; time += 1) {
      assert.is(await one(db, "select a from mine"), 5);
      await wait(2);
    }
    assert.is(db.driver, "wasm");
    await db.exec("drop table mine");
    await untilNative(db);
  });

  testWith(`not while a transaction or an iteration is open (${how})`, kind, async ({ db }) => {
    await db.transaction(async (transaction) => {
      await transaction.get("select * from t");
      if (!writable) await db.ensureLocal();
      await transaction.get("select * from t");
      assert.is(db.driver, "wasm");
    });
    if (writable) await db.ensureLocal();
    const rows = db.iterate("select id from t order by id");
    const first = await rows.next();
    const driver = db.driver;
    const others: unknown[] = [];
    for await (const { id } of rows) {
      assert.is(await one(db, "select 1"), 1);
      others.push(id);
      assert.is(db.driver, driver);
    }
    assert.equal(first.value, { id: 1 });
    assert.equal(others.length, 499);
    await untilNative(db);
  });

  testWith(`for each connection, whichever thread it is on (${how})`, kind, async ({ db }) => {
    await using other = db.connect();
    const remote = await Remote.open(db);
    const sql = "select count(*) as n from t";
    assert.is(await one(other, sql), 500);
    assert.equal(await remote.all(sql), [{ n: 500 }]);
    await db.ensureLocal();
    while ((await remote.driver()) === "wasm") {
      assert.equal(await remote.all(sql), [{ n: 500 }]);
      await wait(2);
      await Promise.all([db, other].map((database) => one(database, sql)));
    }
    await untilNative(db);
    await untilNative(other);
    assert.equal(await remote.all(sql), [{ n: 500 }]);
    await remote.kill();
  });
}

testWith("and counts of changes go on", { writable: true }, async ({ db }) => {
  const sql = "select last_insert_rowid() as rowid, changes() as changes, total_changes() as total";
  await db.run("insert into t(id, k) values (9007199254740993, 'large')");
  await db.run("update t set n = 1 where id < 8");
  const before = await db.get(sql);
  assert.equal(before, { rowid: 9007199254740993n, changes: 7, total: 8 });
  await db.ensureLocal();
  await untilNative(db);
  assert.equal(await db.get(sql), before);
  assert.is(await one(db, "select count(*) from sqlite_temp_master"), 0);
});

testWith("writes go to the file, and are found again", { writable: true }, async (copy) => {
  const { db, file } = copy;
  await db.run("insert into t(k) values ('before')");
  await db.ensureLocal();
  await untilNative(db);
  await db.run("insert into t(k) values ('after')");
  assert.is(await db.pragma("journal_mode", { simple: true }), "delete");
  await db.close();
  for (const name of ["-journal", "-wal", "-shm"]) assert.not.ok(existsSync(file + name));
  const again = await copies?.reopen(file, { writable: true });
  assert.ok(again !== undefined);
  const sql = "select group_concat(k) from t where id > 500";
  assert.is(await one(again, sql), "before,after");
  assert.is(again.driver, best, "it was a file from the beginning");
  assert.is(await again.pragma("integrity_check", { simple: true }), "ok");
  await again.close();
});

testWith(
  "where it can be written, when everything is local and nobody is at it",
  { writable: true, noHydration: false },
  async ({ db, file }) => {
    await untilNative(db);
    assert.ok(existsSync(file));
    assert.is(db.localPath, file);
  },
);

testWith("and what was read is as it came", {}, async ({ db, file }) => {
  await db.ensureLocal();
  await untilNative(db);
  await db.close();
  assert.ok(readFileSync(file).equals(copies?.bytes ?? new Uint8Array()));
});

testWith("and back while another version arrives, where nobody writes", {}, async (copy) => {
  const { db } = copy;
  const sql = "select count(*) from t where k = 'anew'";
  const statement = db.prepare(sql.replace("count(*)", "count(*) as count"));
  await db.ensureLocal();
  await untilNative(db);
  const next = copiesOf(
    `create table t(id integer primary key, k text, n);
     insert into t select value, 'anew', value from generate_series(1, 900);`,
  );
  assert.is(await one(db, sql), 0);
  await db.clone?.advance(new TroubledSource(next?.bytes ?? new Uint8Array(), "troubled, anew"));
  assert.equal(await statement.get(), { count: 900 });
  await db.ensureLocal();
  await untilNative(db);
  assert.equal(await statement.get(), { count: 900 });
});

test("unless it is told not to", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open({ native: "off" });
  await copy.db.ensureLocal();
  for (let time = 0; time < 3; time += 1) await copy.db.get("select 1");
  assert.is(copy.db.driver, "wasm");
  const error = await rejection(copies.open({ native: "sqlite4" as "off" }));
  assert.instance(error, TypeError);
});

test.run();
