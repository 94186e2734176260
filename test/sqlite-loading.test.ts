import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { type Database, loadSqlite, openDatabase } from "../adapters/sqlite/index.ts";
import { findSqlite, make, makeFolder } from "./sqlite-databases.ts";

const test = suite("SQLite that is loaded beforehand");

const program = findSqlite();
const folder = makeFolder();
const SQL = "create table one(n); insert into one values (1);";
const recipe = { name: "one", sql: SQL };
const original = program === undefined ? undefined : readFileSync(make(program, folder, recipe));

function open(name: string): Promise<Database> {
  const source = new MemoryDevice(new Uint8Array(original ?? []), { identity: name });
  return openDatabase(source, join(folder, `${name}.db`));
}

/** Threads are numbered in the order in which they start. */
async function threadsSoFar(): Promise<number> {
  const thread = new Worker("", { eval: true });
  const { threadId } = thread;
  await once(thread, "exit");
  return threadId;
}

test("it is that of the next connection, and only of that", async () => {
  if (program === undefined) return;
  await Promise.all([loadSqlite(), loadSqlite()]);
  const before = await threadsSoFar();
  const first = await open("first");
  assert.equal(await first.all("select n from one"), [{ n: 1 }]);
  assert.is(await threadsSoFar(), before + 1, "no other thread was started");
  await first.close();
  const second = await open("second");
  assert.equal(await second.all("select n from one"), [{ n: 1 }]);
  await second.close();
});

test("a connection need not wait until it is loaded", async () => {
  if (program === undefined) return;
  const loading = loadSqlite();
  const database = await open("early");
  assert.equal(await database.all("select n from one"), [{ n: 1 }]);
  await loading;
  await database.close();
});

test.run();
