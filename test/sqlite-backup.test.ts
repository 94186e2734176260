import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { ACCOUNTS_SQL, Accounts, STATE } from "./sqlite/accounts.ts";
import { copiesOf, type OpenedCopy } from "./sqlite/copies.ts";
import { query } from "./sqlite-databases.ts";

const test = suite("backups of a database that arrives");

const copies = copiesOf(ACCOUNTS_SQL, "pragma page_size = 1024;");

/** The state, for a SQLite that is older. */
const IN_ORDER = `select group_concat(id || ':' || balance, ' ') as v
  from (select * from accounts order by id)`;

function testWith(name: string, work: (copy: OpenedCopy, folder: string) => Promise<void>): void {
  test(name, async () => {
    if (copies === undefined) return;
    await using copy = await copies.open({ writable: true, noHydration: true, native: "off" });
    await work(copy, copies.folder);
  });
}

testWith("everything is in it, with what was written, and without free pages", async (copy) => {
  const { db, file } = copy;
  await db.exec(
    "update moves set n = 3; create table gone as select * from accounts; drop table gone",
  );
  assert.ok(Number(await db.pragma("freelist_count", { simple: true })) > 0);
  await db.backup(`${file}-backup`);
  const ask = (sql: string) => query<{ v: unknown }>(copies?.program ?? "", `${file}-backup`, sql);
  assert.equal(ask("select integrity_check as v from pragma_integrity_check"), [{ v: "ok" }]);
  assert.equal(ask("select freelist_count as v from pragma_freelist_count"), [{ v: 0 }]);
  assert.equal(ask(IN_ORDER), [{ v: (await db.get(STATE))?.state }]);
  assert.equal(ask("select n as v from moves"), [{ v: 3 }]);
});

testWith("a file that is there is not written over", async ({ db }, folder) => {
  const path = join(folder, "mine.txt");
  writeFileSync(path, "mine");
  assert.ok(await rejection(db.backup(path)));
  await db.get(STATE);
});

testWith("a source that fails leaves the database as it was", async ({ db, source, file }) => {
  source.trouble = async () => {
    throw new HeadwaterError("SOURCE_FAILED", "the cable is cut", { retryable: true });
  };
  const error = (await rejection(db.backup(`${file}-backup`))) as Error & { code?: string };
  assert.is(error.code, "SQLITE_IOERR_READ");
  assert.is((error.cause as HeadwaterError).code, "SOURCE_FAILED");
  source.trouble = async () => {};
  const { n = null, state = null } = (await db.get(STATE)) ?? {};
  assert.is(new Accounts().problem({ n, state }, 0), undefined);
  await db.backup(`${file}-second`);
  assert.ok(existsSync(`${file}-second`));
});

testWith("an abort ends it, also where it waits for a page", async ({ db, source, file }) => {
  const abort = new AbortController();
  source.trouble = async () => {
    abort.abort(new Error("enough"));
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const ended = await rejection(db.backup(`${file}-backup`, { signal: abort.signal }));
  assert.is((ended as Error).message, "enough");
  source.trouble = async () => {};
  assert.equal(await db.get("select n from moves"), { n: 0 });
});

test.run();
