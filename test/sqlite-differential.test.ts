import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findNative } from "./sqlite/native.ts";
import { compareHere } from "./sqlite/random/here.ts";
import { compareKilled } from "./sqlite/random/killed.ts";
import { Originals } from "./sqlite/random/originals.ts";
import { makeFolder } from "./sqlite-databases.ts";

const test = suite("random SQL, beside better-sqlite3 on a whole copy");

/** `SQL_SEEDS=500 npm test -- differential`, and `SQL_SEED=17` for that one alone. */
const { SQL_SEEDS = "3", SQL_SEED } = process.env;
const first = Number(SQL_SEED ?? 1);
const last = SQL_SEED === undefined ? Number(SQL_SEEDS) : first;
const STATEMENTS = 200;

const Native = findNative();
const folder = makeFolder();
let takeovers = 0;
const place = Native && { Native, folder, originals: new Originals(Native, folder) };

for (let seed = first; seed <= last; seed += 1) {
  test(`the same answers while it arrives and afterwards (${seed})`, async () => {
    if (place === undefined) return;
    const { statements, tookOver } = await compareHere(seed, place, STATEMENTS);
    assert.ok(statements >= STATEMENTS);
    if (tookOver) takeovers += 1;
  });
}

for (let seed = first; seed <= Math.ceil(last / 4); seed += 1) {
  test(`the same answers after each of some kills (${seed})`, async () => {
    if (place !== undefined) await compareKilled(seed, place, 2);
  });
}

test("in some of them a native driver took over", () => {
  if (place !== undefined && SQL_SEED === undefined) assert.ok(takeovers > 0);
});

test.run();
