import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Database, SqliteError } from "../adapters/sqlite/index.ts";
import { HeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { Random } from "./simulation/random.ts";
import { ACCOUNTS_SQL, Accounts, readInParts, STATE } from "./sqlite/accounts.ts";
import { copiesOf, type OpenedCopy } from "./sqlite/copies.ts";
import { Remote } from "./sqlite/remote.ts";
import { Held, Shuffle } from "./sqlite/troubled-source.ts";

const test = suite("many connections to one database");

const copies = copiesOf(ACCOUNTS_SQL, "pragma page_size = 1024;");
const MOVES = 60;
const TIMES = Number(process.env.SQL_CONNECTION_SEEDS ?? 2);
/** Nobody is to be turned away because the machine is slow. */
const PATIENT = 60_000;

const codeOf = (error: unknown): string => (error as SqliteError).code;

function testWith(name: string, work: (copy: OpenedCopy) => Promise<void>): void {
  test(name, async () => {
    if (copies === undefined) return;
    await using copy = await copies.open({ writable: true, noHydration: true });
    await work(copy);
  });
}

async function isSound(db: Database): Promise<void> {
  assert.is(await db.pragma("integrity_check", { simple: true }), "ok");
}

/** Reads until the writer has ended. Returns how often. */
async function readOn(accounts: Accounts, read: () => Promise<unknown>): Promise<number> {
  let count = 0;
  while (accounts.done < MOVES || count === 0) {
    const before = accounts.done;
    const row = (await read()) as Record<string, number>;
    const problem = accounts.problem(row, before);
    assert.is(problem, undefined);
    assert.is(row.sum ?? accounts.sum, accounts.sum);
    count += 1;
  }
  return count;
}

for (let seed = 1; seed <= TIMES; seed += 1) {
  test(`readers see what was committed, and all of it, while pages arrive (${seed})`, async () => {
    if (copies === undefined) return;
    const random = new Random(seed);
    await using copy = await copies.open({
      ...{ writable: true, busyTimeoutMs: PATIENT, hydrationThreshold: random.pick([1, 8]) },
      regionSize: random.pick([4096, 16_384]),
    });
    const { db, source } = copy;
    source.trouble = new Shuffle(random.fork()).wait;
    const accounts = new Accounts();
    const [one, two] = [db.connect(), db.connect()];
    const remotes = [await Remote.open(db, PATIENT), await Remote.open(db, PATIENT)];
    const write = async (): Promise<number> => {
      while (accounts.done < MOVES) await accounts.move(db, random);
      return accounts.done;
    };
    const counts = await Promise.all([
      write(),
      readOn(accounts, () => one.get(STATE)),
      readOn(accounts, () => readInParts(two)),
      ...remotes.map((remote) => readOn(accounts, async () => (await remote.all(STATE))[0])),
    ]);
    assert.ok(counts.every((count) => count > 0));
    await isSound(one);
    await Promise.all([one.close(), two.close(), ...remotes.map((remote) => remote.kill())]);
    await readOn(accounts, () => db.get(STATE));
  });
}

testWith("a second writer waits, and is told when it has waited for long enough", async (copy) => {
  const impatient = await Remote.open(copy.db, 30);
  const patient = copy.db.connect();
  await copy.db.exec("begin immediate; update moves set n = 1");
  assert.is(codeOf(await rejection(impatient.exec("update moves set n = 7"))), "SQLITE_BUSY");
  const waited = patient.run("update moves set n = n + 10");
  assert.equal(await patient.connect().get("select n from moves"), { n: 0 }, "a reader need not");
  await copy.db.exec("commit");
  await waited;
  assert.equal(await impatient.all("select n from moves"), [{ n: 11 }]);
  await impatient.kill();
});

testWith("of two readers that both want to write one is turned away at once", async (copy) => {
  const other = copy.db.connect();
  for (const db of [copy.db, other]) await db.exec("begin; select n from moves");
  await copy.db.run("update moves set n = n + 1");
  // Waiting would be in vain: the first cannot commit while this one reads.
  assert.is(codeOf(await rejection(other.run("update moves set n = n + 1"))), "SQLITE_BUSY");
  await other.exec("rollback");
  await copy.db.exec("commit");
  assert.equal(await other.get("select n from moves"), { n: 1 });
});

testWith(
  "a reader that is left half-read keeps a writer waiting, and then does not",
  async (copy) => {
    const reader = copy.db.connect();
    const rows = reader.iterate("select id from accounts");
    await rows.next();
    const writing = copy.db.run("update moves set n = 2");
    await rows.return();
    await writing;
    assert.equal(await reader.get("select n from moves"), { n: 2 });
  },
);

testWith("a connection that is closed while it reads or writes harms nobody", async (copy) => {
  const [reader, writer] = [copy.db.connect(), copy.db.connect()];
  const endless = "with recursive n(i) as (select 1 union all select i + 1 from n)";
  const reading = rejection(reader.all(`${endless} select max(i), id from n, accounts`));
  await writer.exec("begin immediate; update accounts set balance = 0");
  const writing = rejection(
    writer.all(`${endless} update accounts set padding = (select max(i) from n)`),
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  await Promise.all([reader.close(), writer.close()]);
  assert.is(codeOf(await reading), "SQLITE_INTERRUPT");
  assert.is(codeOf(await writing), "SQLITE_INTERRUPT");
  await copy.db.exec("pragma busy_timeout = 0; update moves set n = 1");
  assert.ok(Number((await copy.db.get("select min(balance) as b from accounts"))?.b) > 1000);
  await isSound(copy.db);
});

/** In what a thread may be when it dies. */
const DEATHS: readonly (readonly [name: string, exec: string, begin?: string])[] = [
  ["reads", "select 1", "select * from accounts"],
  ["is about to write", "begin immediate; update accounts set balance = 0 where id < 20"],
  ["has written to the file", "pragma cache_size = 5; begin; update accounts set balance = 0"],
  [
    "has written past its end",
    "pragma cache_size = 5; begin; create table more as select * from accounts",
  ],
  ["has the file to itself", "begin exclusive; update moves set n = 99"],
];

for (const [name, exec, begin] of DEATHS) {
  testWith(`a thread that dies while it ${name} gives its locks back`, async ({ db }) => {
    const remote = await Remote.open(db);
    await remote.exec(exec);
    if (begin !== undefined) await remote.begin(begin);
    await remote.kill();
    const { n, state } = (await db.get(STATE)) ?? {};
    assert.is(new Accounts().problem({ n: n ?? null, state: state ?? null }, 0), undefined);
    await db.run("update moves set n = 5");
    await isSound(db);
  });
}

testWith(
  "a thread that dies while it runs or waits gives its locks back",
  async ({ db, source }) => {
    const [running, waiting] = [await Remote.open(db), await Remote.open(db)];
    const busy =
      "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
    running.all(`${busy}, moves`).catch(() => {});
    const held = new Held();
    source.trouble = held.wait;
    waiting.all("select sum(length(padding)) from accounts").catch(() => {});
    await held.reached;
    await Promise.all([running.kill(), waiting.kill()]);
    held.letGo();
    await db.exec("pragma busy_timeout = 0; update moves set n = 1");
    await isSound(db);
  },
);

testWith("a connection whose thread ends says so, and the others go on", async ({ db }) => {
  const other = db.connect();
  const url = `data:text/javascript,export default () => process.exit(1)`;
  await other.function("die", { url });
  await other.exec("begin immediate; update moves set n = 50");
  const works = [other.get("select die()"), other.get("select 1")].map(rejection);
  for (const work of works) assert.is(codeOf(await work), "CLOSED");
  assert.is(codeOf(await rejection(other.get("select 1"))), "CLOSED");
  assert.equal(await db.get("select n from moves"), { n: 0 });
  await db.run("update moves set n = 1");
  await other.close();
});

testWith("a synchronous database ends with the one that it is of, wherever it is", async (copy) => {
  const remote = await Remote.open(copy.db);
  await remote.exec("pragma cache_size = 5; begin; update accounts set balance = 0");
  await copy.db.close();
  const error = await rejection(remote.exec("commit"));
  assert.match(codeOf(error), /^SQLITE_IOERR_/);
  assert.is((error as { why?: string }).why, "CLOSED");
  assert.is(
    ((await rejection(remote.all("select * from moves"))) as { why?: string }).why,
    "CLOSED",
  );
  assert.instance(await rejection(Promise.resolve().then(() => copy.db.connect())), HeadwaterError);
  await remote.kill();
});

testWith("there are places for 63 connections, and each is given again", async ({ db }) => {
  const handles = Array.from({ length: 62 }, () => db.handle());
  assert.throws(() => db.handle(), /63 connections already/);
  handles[30]?.calls.port.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const last = db.connect();
  assert.equal(await last.get("select n from moves"), { n: 0 });
  await last.close();
  for (const { calls } of handles) calls.port.close();
});

test.run();
