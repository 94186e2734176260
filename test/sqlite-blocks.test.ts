import { suite } from "uvu";
import * as assert from "uvu/assert";
import { copiesOf } from "./sqlite/copies.ts";
import { Remote } from "./sqlite/remote.ts";

const test = suite("scans of a local file");

const ROWS = 2000;
const copies = copiesOf(
  `create table t(id integer primary key, n, pad text);
   insert into t select value, 0, printf('%0500d', value) from generate_series(1, ${ROWS});`,
);
const options = { writable: true, native: "off" } as const;

/** Their sum says whether a page of another time was among those that were read. */
const SUM = "select sum(n) as n, count(*) as rows from t";

test("what a transaction wrote before its commit is in its own scan", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open(options);
  const { db } = copy;
  await db.ensureLocal();
  await db.pragma("cache_size = 12"); // pages are written and read again while it goes on
  await db.transaction(async (transaction) => {
    for (const value of [1, 2, 3]) {
      await transaction.run("update t set n = n + 1 where id % 2 = 0");
      await transaction.run("update t set n = n + 1 where id % 2 = 1");
      assert.equal(await transaction.get(SUM), { n: value * ROWS, rows: ROWS });
    }
  });
  assert.equal(await db.get(SUM), { n: 3 * ROWS, rows: ROWS });
});

test("a scan sees what another connection has committed since the last one", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open(options);
  const { db } = copy;
  await db.ensureLocal();
  const remote = await Remote.open(db);
  await remote.exec("pragma cache_size = 12");
  for (const value of [1, 2, 3, 4]) {
    await db.run("update t set n = n + 1");
    assert.equal(await remote.all(SUM), [{ n: value * ROWS, rows: ROWS }]);
    await remote.exec("delete from t where id = 0");
    await db.exec(`delete from t where id > ${ROWS}; vacuum;`);
  }
  await remote.kill();
});

test.run();
