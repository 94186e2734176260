import { suite } from "uvu";
import * as assert from "uvu/assert";
import { valuesByPlace } from "../adapters/sqlite/engine/given-values.ts";
import type { SqlParameter } from "../adapters/sqlite/index.ts";
import { findBestDriver } from "./sqlite/best-driver.ts";
import { copiesOf, type OpenedCopy } from "./sqlite/copies.ts";
import { findNative } from "./sqlite/native.ts";

const test = suite("parameters of SQL");

const Native = await findNative();
const copies = copiesOf("create table t(n);");
const isNativeHere = findBestDriver() !== undefined;

/** SQL, and what is given for its parameters. What they are is compared with better-sqlite3. */
const CALLS: readonly (readonly [sql: string, given: readonly unknown[]])[] = [
  ["select ?, ?", [1n, 2n]],
  ["select ?, ?", [[1n, 2n]]],
  ["select ?", [1n, 2n]],
  ["select ?, ?", [1n]],
  ["select ?", []],
  ["select :a, @b, $c", [{ a: 1n, b: 2n, c: 3n, d: 4n }]],
  ["select :a, @a, $a", [{ a: 1n }]],
  ["select :a, :a", [{ a: 1n }]],
  ["select :a", [{}]],
  ["select :a", []],
  ["select :a, ?", [{ a: 1n }, 2n]],
  ["select ?, :a", [2n, { a: 1n }]],
  ["select :a", [{ a: 1n }, { a: 2n }]],
  ["select ?", [{ a: 1n }, 4n]],
  ["select 1", [{ a: 1n }]],
  ["select ?1, ?", [{ 1: 3n }, 4n]],
  ["select ?2, ?1", [{ 1: 3n, 2: 4n }]],
  ["select ?", [{ a: 1n }]],
];

/** What we take beyond that: a number is a place too. */
const PLACES: readonly (readonly [sql: string, given: readonly unknown[], row: unknown[]])[] = [
  ["select ?1, ?2", [1n, 2n], [1, 2]],
  ["select ?2, ?1", [1n, 2n], [2, 1]],
  ["select ?1, ?1", [1n], [1, 1]],
  ["select ?3", [1n, 2n, 3n], [3]],
  ["select ?1, ?", [4n, { 1: 3n }], [3, 4]],
];

async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return { row: await work() };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
}

async function askAll({ db }: OpenedCopy, driver: string): Promise<void> {
  assert.is(db.driver === "wasm", driver === "wasm");
  const ask = (sql: string, given: readonly unknown[]): Promise<unknown> =>
    outcome(async () => Object.values((await db.get(sql, given as SqlParameter[])) ?? {}));
  for (const [sql, given, row] of PLACES) {
    const named = sql.split(", ").map((what, at) => `${what} as c${at}`);
    assert.equal(await ask(named.join(", "), given), { row }, `${driver}: ${sql}`);
  }
  if (Native === undefined) return;
  const native = new Native(":memory:");
  for (const [sql, given] of CALLS) {
    const named = sql.split(", ").map((what, at) => `${what} as c${at}`);
    const theirs = await outcome(() => {
      const row = native.prepare(named.join(", ")).get(...(given as never[]));
      return Object.values(row ?? {});
    });
    assert.equal(await ask(named.join(", "), given), theirs, `${driver}: ${sql}`);
  }
  native.close();
}

test("are taken as better-sqlite3 takes them, in WebAssembly and by a native driver", async () => {
  if (copies === undefined) return;
  await using copy = await copies.open({ noHydration: true });
  await askAll(copy, "wasm");
  await copy.db.ensureLocal();
  if (!isNativeHere) return;
  while (copy.db.driver === "wasm") await copy.db.get("select 1");
  await askAll(copy, "native");
});

test("values become what SQLite has a type for", () => {
  const bytes = new Uint16Array([1, 2]).subarray(1);
  assert.equal(
    valuesByPlace([true, false, undefined, null, 1.5, "x", bytes], Array(7).fill(null)),
    [...[1n, 0n, null, null, 1.5, "x"], Uint8Array.of(2, 0)],
  );
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) {
    assert.throws(() => valuesByPlace([value], [null]), /64 bits/);
  }
  for (const value of [Symbol("x"), () => {}, new Map()]) {
    assert.throws(() => valuesByPlace([value], [null]), /can only bind/);
  }
});

test.run();
