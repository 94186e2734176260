import { once } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Database, DatabaseSync } from "../adapters/sqlite/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { findBestDriver } from "./sqlite/best-driver.ts";
import { copiesOf } from "./sqlite/copies.ts";

const test = suite("what would wait for itself, and what is given back");

const copies = copiesOf("create table t(a); insert into t values (1);");

async function wouldDeadlock(work: Promise<unknown>): Promise<void> {
  const error = await rejection(work);
  assert.ok(isHeadwaterError(error, "WOULD_DEADLOCK"), String(error));
}

function signal(): [give: () => void, given: Promise<void>] {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return [give, given];
}

test("a call on a database in its own transaction is refused, and the transaction goes on", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open({ writable: true });
  const { db } = copy;
  const statement = db.prepare("select a from t");
  const inner = async (): Promise<void> => {
    await wouldDeadlock(db.get("select 1"));
    await wouldDeadlock(statement.all());
    await wouldDeadlock(db.iterate("select 1").next());
    await wouldDeadlock(db.transaction(async () => {}));
  };
  await db.transaction(async (transaction) => {
    await transaction.run("update t set a = 2");
    await Promise.all([inner(), new Promise((resolve) => setTimeout(resolve, 5)).then(inner)]);
  });
  assert.equal(await statement.get(), { a: 2 });
});

test("others wait, and so does what was begun before; another connection is free", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open({ writable: true });
  const { db } = copy;
  await using other = db.connect();
  const [start, begun] = signal();
  const [end, over] = signal();
  const waiting = begun.then(() => db.get("select a from t"));
  let late: Promise<unknown> | undefined;
  await db.transaction(async (transaction) => {
    start();
    await transaction.run("update t set a = 3");
    assert.equal(await other.get("select a from t"), { a: 1 });
    await other.transaction(async () => {
      await wouldDeadlock(db.get("select 1"));
      await wouldDeadlock(other.get("select 1"));
    });
    late = over.then(() => db.get("select 5 as a")); // in a transaction that is over then
  });
  end();
  assert.equal(await waiting, { a: 3 });
  assert.equal(await late, { a: 5 });
});

/** As many as there are places, and some more. */
const MANY = 70;

test("a handle that is not opened well gives its place back", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open();
  const { db } = copy;
  for (let time = 0; time < MANY; time += 1) {
    const handle = db.handle();
    await wouldDeadlock(DatabaseSync.open(handle));
    await once(handle.calls.port, "close");
  }
  await using other = db.connect();
  assert.equal(await other.get("select a from t"), { a: 1 });
});

test("so does one that goes away with its port", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open();
  for (let time = 0; time < MANY; time += 1) {
    const { port } = copy.db.handle().calls;
    const closed = once(port, "close");
    port.close();
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await using other = copy.db.connect();
  assert.equal(await other.get("select a from t"), { a: 1 });
});

for (const encoding of ["UTF-16le", "UTF-16be"]) {
  test(`a database in ${encoding} is for native drivers`, async () => {
    const wide = copiesOf(
      "create table t(a text); insert into t values ('größer');",
      `pragma encoding = '${encoding}';`,
    );
    if (wide === undefined) return;
    const error = await rejection(wide.open());
    assert.is((error as { code?: string }).code, "SQLITE_CANTOPEN");
    assert.match(String(error), /utf-16/);
    if (findBestDriver() === undefined) return;
    const file = await wide.hydrated();
    const db: Database = await wide.reopen(file);
    assert.equal(await db.get("select a from t"), { a: "größer" });
    assert.is.not(db.driver, "wasm");
    await db.close();
    const refused = await rejection(wide.reopen(file, { native: "off" }));
    assert.is((refused as { code?: string }).code, "SQLITE_CANTOPEN");
  });
}

test.run();
