import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { type Database, openDatabase } from "../adapters/sqlite/index.ts";
import { type Family, families, TABLES } from "./sqlite/families/index.ts";
import { findNative, type NativeDatabase } from "./sqlite/native.ts";
import { askNative, askSubject } from "./sqlite/outcome.ts";
import { textOf } from "./sqlite/step.ts";
import { makeFolder } from "./sqlite-databases.ts";

const test = suite("statements of SQL, beside better-sqlite3");

const Native = findNative();
const folder = makeFolder();
let asked = 0;

/** What is safe after a crash is for other tests. */
const QUICK = "pragma synchronous = off; pragma journal_mode = memory";

interface Both {
  readonly native: NativeDatabase;
  readonly subject: Database;
}

/** The same database twice: one is whole, and of the other hardly a page is local. */
async function openBoth(): Promise<Both | undefined> {
  if (Native === undefined) return undefined;
  const path = join(folder, "original.db");
  const native = new Native(path);
  native.exec(TABLES);
  const source = new MemoryDevice(new Uint8Array(readFileSync(path)), { identity: "statements" });
  const copy = join(folder, "copy.db");
  const options = { writable: true, noHydration: true, readAround: 0 };
  const subject = await openDatabase(source, copy, options);
  for (const database of [native, subject]) await database.exec(QUICK);
  return { native, subject };
}

const both = await openBoth();

async function compare({ native, subject }: Both, { steps }: Family): Promise<void> {
  for (const step of steps) {
    const found = await askSubject(subject, step);
    assert.equal(found, askNative(native, step), textOf(step));
  }
  asked += steps.length;
}

for (const family of families) {
  test(family.name, async () => {
    if (both !== undefined) await compare(both, family);
  });
}

test("they were thousands, and both databases are sound and the same in the end", async () => {
  if (both === undefined) return;
  const { native, subject } = both;
  assert.ok(asked > 3000, `${asked} statements`);
  assert.is(await subject.pragma("integrity_check", { simple: true }), "ok");
  const list = "select name from sqlite_schema where type = 'table' and name not like 'sqlite%'";
  for (const { name } of await subject.all(list)) {
    const step = { sql: `select * from "${name}"` };
    assert.equal(await askSubject(subject, step), askNative(native, step), `${name}`);
  }
  native.close();
  await subject.close();
});

test.run();
