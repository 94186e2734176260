import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Database, openDatabase, SqliteError } from "../adapters/sqlite/index.ts";
import { HeadwaterError } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { ACCOUNTS_SQL, Accounts, STATE } from "./sqlite/accounts.ts";
import { copiesOf } from "./sqlite/copies.ts";
import { Remote, type RemoteError } from "./sqlite/remote.ts";
import { type Trouble, TroubledServer } from "./sqlite/server.ts";

const test = suite("databases whose source is in trouble");

const copies = copiesOf(ACCOUNTS_SQL, "pragma page_size = 1024;");
let opened = 0;

interface Served {
  readonly db: Database;
  readonly server: TroubledServer;
}

interface Kind {
  readonly writable?: boolean;
  readonly pageTimeoutMs?: number;
}

/** For what is never to come in time. */
const SHORT_MS = 1000;

/** Against a server, with little of it local: some accounts are, and most are not. */
function testWith(name: string, kind: Kind, work: (served: Served) => Promise<void>): void {
  test(name, async () => {
    if (copies === undefined) return;
    await using server = new TroubledServer(copies.bytes);
    await server.listen();
    opened += 1;
    await using db = await openDatabase(server.url, join(copies.folder, `served-${opened}.db`), {
      ...{ noHydration: true, readAround: 0, native: "off", ...kind },
      retries: { demand: 1, backoffMs: 1 },
    });
    assert.equal(await db.all(LOCAL), LOCAL_ROWS);
    await work({ db, server });
  });
}

const LOCAL = "select id, balance from accounts where id < 4";
const LOCAL_ROWS = [1, 2, 3].map((id) => ({ id, balance: 1000 + id }));

async function isWhole(db: Database): Promise<void> {
  const { n = null, state = null } = (await db.get(STATE)) ?? {};
  assert.is(new Accounts().problem({ n, state }, 0), undefined);
}

/** @param why the code of what made it fail. */
function expectCause(error: unknown, why: string): void {
  assert.instance(error, SqliteError);
  assert.is((error as SqliteError).code, "SQLITE_IOERR_READ");
  const { cause } = error as { cause?: unknown };
  assert.instance(cause, HeadwaterError);
  assert.is((cause as HeadwaterError).code, why, (cause as Error).message);
  assert.ok((error as Error).message.includes((cause as Error).message), "it says why");
}

/** With the cause of what fails. */
const TROUBLES: readonly (readonly [Trouble, string])[] = [
  ["refuses", "SOURCE_FAILED"],
  ["resets", "SOURCE_FAILED"],
  ["stalls", "TIMEOUT"],
  ["changes", "SOURCE_CHANGED"],
  ["ends early", "SHORT_READ"],
  ["loses it", "SOURCE_NOT_FOUND"],
];

for (const [trouble, why] of TROUBLES) {
  const kind = trouble === "stalls" ? { pageTimeoutMs: SHORT_MS } : {};
  testWith(`a server that ${trouble}: what is here is served`, kind, async ({ db, server }) => {
    server.trouble = trouble;
    expectCause(await rejection(db.get(STATE)), why);
    assert.equal(await db.all(LOCAL), LOCAL_ROWS);
    const other = db.connect();
    expectCause(await rejection(other.get("select count(*) from accounts")), why);
    assert.equal(await other.all(LOCAL), LOCAL_ROWS, "also to others");
    server.trouble = undefined;
    await isWhole(db);
    await isWhole(other);
    await db.ensureLocal();
  });

  const writing = { ...kind, writable: true };
  testWith(`a server that ${trouble}: a change is not half made`, writing, async (served) => {
    const { db, server } = served;
    const change = "update accounts set balance = balance - 1";
    const changing = db.transaction(async (transaction) => {
      await transaction.run(`${change} where id < 4`);
      server.trouble = trouble;
      await transaction.run(change);
    });
    expectCause(await rejection(changing), why);
    assert.equal(await db.all(LOCAL), LOCAL_ROWS);
    server.trouble = undefined;
    await isWhole(db);
    assert.is((await db.run(change)).changes, 300);
    assert.is(await db.pragma("integrity_check", { simple: true }), "ok");
  });
}

testWith("a server that is gone, and comes again", {}, async ({ db, server }) => {
  await server.close();
  expectCause(await rejection(db.get(STATE)), "SOURCE_FAILED");
  assert.equal(await db.all(LOCAL), LOCAL_ROWS);
  await server.listen();
  await isWhole(db);
});

testWith("a server that stalls while everything is brought", {}, async ({ db, server }) => {
  server.trouble = "resets";
  const error = await rejection(db.ensureLocal());
  assert.is((error as HeadwaterError).code, "STALLED");
  assert.equal(await db.all(LOCAL), LOCAL_ROWS);
  server.trouble = undefined;
  await db.ensureLocal();
  await isWhole(db);
});

const BLOCKED = { writable: true, pageTimeoutMs: SHORT_MS };

/** Nothing else runs on this thread meanwhile. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

testWith(
  "a thread that fetches nothing for too long",
  { pageTimeoutMs: SHORT_MS },
  async ({ db }) => {
    const remote = await Remote.open(db);
    const waiting = [db.get(STATE), remote.all(STATE)].map(rejection);
    block(3 * SHORT_MS);
    const [here, there] = await Promise.all(waiting);
    expectCause(here, "TIMEOUT");
    assert.match((here as Error).message, /the thread is blocked/);
    assert.is((there as RemoteError).code, "SQLITE_IOERR_READ");
    assert.is((there as RemoteError).why, "TIMEOUT");
    await isWhole(db);
    assert.equal(await remote.all(LOCAL), LOCAL_ROWS);
    await remote.kill();
  },
);

testWith("a thread that writes nothing for too long", BLOCKED, async ({ db }) => {
  await db.get(STATE);
  await db.exec("pragma cache_size = 5");
  const remote = await Remote.open(db);
  await remote.exec("pragma cache_size = 5; begin");
  const writing = rejection(remote.exec("update accounts set balance = balance * 2"));
  block(3 * SHORT_MS);
  const error = (await writing) as RemoteError;
  assert.match(error.code, /^SQLITE_IOERR/);
  assert.is(error.why, "TIMEOUT");
  await remote.exec("rollback").catch(() => {}); // it may have been rolled back
  await isWhole(db);
  assert.is(await db.pragma("integrity_check", { simple: true }), "ok");
  await remote.exec("update moves set n = 7");
  assert.equal(await db.get("select n from moves"), { n: 7 });
  await remote.kill();
});

test.run();
