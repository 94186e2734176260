import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Database, SqliteError, SqlParameter } from "../adapters/sqlite/index.ts";
import { HeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { copiesOf } from "./sqlite/copies.ts";
import { Held } from "./sqlite/troubled-source.ts";

const test = suite("what a connection is asked for, and what ends it");

const copies = copiesOf(`create table people(id integer primary key, name text);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
  insert into people select i, 'name ' || i from n;`);

const ENDLESS =
  "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";

function testWith(name: string, work: (db: Database) => Promise<void>): void {
  test(name, async () => {
    if (copies === undefined) return;
    await using copy = await copies.open({ writable: true });
    await work(copy.db);
  });
}

const codeOf = (error: unknown): string => (error as SqliteError).code;

testWith("what was aborted before it began leaves the statement as it is", async (db) => {
  const signal = AbortSignal.abort(new Error("not at all"));
  const error = await rejection(db.all("select 1 as one", [], { signal }));
  assert.is((error as Error).message, "not at all");
  assert.equal(await db.all("select 1 as one"), [{ one: 1 }]);
});

testWith("a parameter that is no value is refused, and the statement goes on", async (db) => {
  const wrong = [() => 1, Symbol("no"), { a: 1 }, new Date(0), [[1]], 2n ** 63n];
  for (const value of wrong) {
    const error = await rejection(db.all("select ? as v", [value as SqlParameter]));
    assert.ok(error instanceof TypeError || error instanceof RangeError, `${error}`);
  }
  assert.equal(await db.all("select ? as v", [5n]), [{ v: 5 }]);
});

testWith("an interrupt ends everything that waits, however much it is", async (db) => {
  const works = [ENDLESS, ...Array.from({ length: 600 }, (_, index) => `select ${index}`)].map(
    (sql) => rejection(db.all(sql)),
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  db.interrupt();
  const codes = (await Promise.all(works)).map(codeOf);
  assert.equal([...new Set(codes)], ["SQLITE_INTERRUPT"]);
  assert.equal(await db.all("select 2 as two"), [{ two: 2 }]);
});

testWith("a signal ends everything that it was given to, however much it is", async (db) => {
  const abort = new AbortController();
  const { signal } = abort;
  const works = Array.from({ length: 600 }, (_, index) =>
    rejection(db.all(index === 0 ? ENDLESS : `select ${index}`, [], { signal })),
  );
  const other = db.get("select 3 as three");
  await new Promise((resolve) => setTimeout(resolve, 20));
  abort.abort(new Error("enough"));
  const messages = (await Promise.all(works)).map((error) => (error as Error).message);
  assert.equal([...new Set(messages)], ["enough"]);
  assert.equal(await other, { three: 3 });
});

testWith("closing ends what runs and what waits", async (db) => {
  const other = db.connect();
  const works = [ENDLESS, ...Array.from({ length: 300 }, () => "select 1")].map((sql) =>
    rejection(other.all(sql)),
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  await other.close();
  for (const work of works) assert.is(codeOf(await work), "SQLITE_INTERRUPT");
  assert.instance(await rejection(other.all("select 1")), HeadwaterError);
  assert.equal(await db.all("select 1 as one"), [{ one: 1 }]);
});

testWith("a statement that waits for a transaction is still known afterwards", async (db) => {
  const names = db.prepare("select name from people where id < 4 order by id");
  await names.all();
  const held = new Held();
  const transaction = db.transaction(async (transaction) => {
    await held.wait();
    // More than are kept prepared.
    for (let n = 0; n < 250; n += 1) await transaction.get(`select ${n} as n`);
  });
  await held.reached;
  const rest = Promise.all([names.all(), collect(names.iterate()), names.columns()]);
  held.letGo();
  await transaction;
  const [all, iterated, columns] = await rest;
  assert.equal(all, [{ name: "name 1" }, { name: "name 2" }, { name: "name 3" }]);
  assert.equal(iterated, all);
  assert.is(columns.length, 1);
});

testWith("an iteration survives that its statement is kept no more", async (db) => {
  const ids = db.prepare("select id from people order by id").iterate();
  const found = [(await ids.next()).value];
  for (let n = 0; n < 250; n += 1) await db.get(`select ${n} as n`);
  found.push(...(await collect(ids)));
  assert.is(found.length, 2000);
  assert.equal(found.at(-1), { id: 2000 });
});

testWith("who waits for a lock can be ended like everybody else", async (db) => {
  const other = db.connect();
  await db.exec("begin immediate; delete from people where id = 1");
  const change = "update people set name = 'other' where id = 2";
  const interrupted = rejection(other.run(change));
  await new Promise((resolve) => setTimeout(resolve, 20));
  other.interrupt();
  assert.is(codeOf(await interrupted), "SQLITE_INTERRUPT");
  const abort = new AbortController();
  const aborted = rejection(other.run(change, [], { signal: abort.signal }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  abort.abort(new Error("no more"));
  assert.is(((await aborted) as Error).message, "no more");
  await db.exec("rollback");
  assert.is((await other.run(change)).changes, 1);
  await other.close();
});

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

test.run();
