import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "./simulation/random.ts";
import { ACCOUNTS_SQL, Accounts, readInParts, STATE } from "./sqlite/accounts.ts";
import { findBestDriver } from "./sqlite/best-driver.ts";
import { copiesOf } from "./sqlite/copies.ts";
import { Remote } from "./sqlite/remote.ts";

const test = suite("a native driver takes over while several connections are at it");

const copies = copiesOf(ACCOUNTS_SQL, "pragma page_size = 1024;");
const best = findBestDriver();
const TIMES = Number(process.env.SQL_TAKEOVER_SEEDS ?? 1);
/** Nobody is to be turned away because the machine is slow. */
const PATIENT = 60_000;
/** Before it, and after it. */
const MOVES = 12;

for (let seed = 1; seed <= TIMES; seed += 1) {
  test(`everybody sees what was committed, and all of it (${seed})`, async () => {
    if (copies === undefined || best === undefined) return;
    const random = new Random(seed);
    await using copy = await copies.open({
      ...{ writable: true, busyTimeoutMs: PATIENT, noHydration: true },
    });
    const { db } = copy;
    const accounts = new Accounts();
    await using one = db.connect();
    await using two = db.connect();
    const remote = await Remote.open(db, PATIENT);
    let isOver = false;
    const readOn = async (read: () => Promise<unknown>): Promise<void> => {
      while (!isOver) {
        const before = accounts.done;
        const row = (await read()) as Record<string, number>;
        assert.is(accounts.problem(row, before), undefined);
      }
    };
    const write = async (): Promise<void> => {
      while (accounts.done < MOVES) await accounts.move(db, random);
      const local = db.ensureLocal();
      while (db.driver === "wasm") await accounts.move(db, random);
      await local;
      for (const end = accounts.done + MOVES; accounts.done < end; )
        await accounts.move(db, random);
    };
    await Promise.all([
      write().finally(() => {
        isOver = true;
      }),
      readOn(() => one.get(STATE)),
      readOn(() => readInParts(two)),
      readOn(async () => (await remote.all(STATE))[0]),
    ]);
    await Promise.all([one, two].map((other) => other.get(STATE)));
    assert.equal([db.driver, one.driver, two.driver], [best, best, best]);
    await remote.all(STATE);
    assert.is(await remote.driver(), best);
    assert.is(await db.pragma("integrity_check", { simple: true }), "ok");
    await remote.kill();
  });
}

test.run();
