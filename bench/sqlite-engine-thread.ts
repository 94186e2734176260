// A thread with a synchronous database: ours, or better-sqlite3 on the same file.

import { parentPort } from "node:worker_threads";
import { type DatabaseHandle, DatabaseSync } from "../adapters/sqlite/index.ts";
import { findNative } from "../test/sqlite/native.ts";
import { seeded } from "./measure.ts";

export type EngineOrder =
  | { readonly kind: "ours"; readonly handle: DatabaseHandle }
  | { readonly kind: "theirs"; readonly path: string }
  /** Looks rows up by random keys, from 1 to `keys`. */
  | { readonly kind: "points"; readonly sql: string; readonly count: number; readonly keys: number }
  | { readonly kind: "query"; readonly sql: string }
  /** One row, as a call of somebody on another thread. */
  | { readonly kind: "row"; readonly id: number; readonly sql: string; readonly key: number };

export type EngineAnswer =
  | { readonly kind: "opened"; readonly driver: string }
  | { readonly kind: "took"; readonly seconds: number }
  | { readonly kind: "row"; readonly id: number; readonly row: unknown };

interface Engine {
  prepare(sql: string): { get(...values: unknown[]): unknown };
}

let engine: Engine | undefined;
const statements = new Map<string, ReturnType<Engine["prepare"]>>();

function prepared(sql: string): ReturnType<Engine["prepare"]> {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  if (engine === undefined) throw new Error("no database is open");
  const statement = engine.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

function seconds(work: () => void): EngineAnswer {
  const start = performance.now();
  work();
  return { kind: "took", seconds: (performance.now() - start) / 1000 };
}

async function open(order: EngineOrder & { kind: "ours" | "theirs" }): Promise<EngineAnswer> {
  if (order.kind === "ours") {
    const database = await DatabaseSync.open(order.handle);
    engine = database;
    database.settle();
    return { kind: "opened", driver: database.driver };
  }
  const Native = await findNative();
  if (Native === undefined) throw new Error("better-sqlite3 is not installed");
  engine = new Native(order.path, { readonly: true });
  return { kind: "opened", driver: "better-sqlite3" };
}

function points({ sql, count, keys }: EngineOrder & { kind: "points" }): EngineAnswer {
  const random = seeded(count);
  const statement = prepared(sql);
  return seconds(() => {
    for (let done = 0; done < count; done += 1) {
      const row = statement.get(1 + Math.floor(random() * keys));
      if (row === undefined) throw new Error("a row is missing");
    }
  });
}

async function answer(order: Exclude<EngineOrder, { kind: "row" }>): Promise<EngineAnswer> {
  switch (order.kind) {
    case "ours":
    case "theirs":
      return open(order);
    case "points":
      return points(order);
    case "query":
      return seconds(() => void prepared(order.sql).get());
  }
}

parentPort?.on("message", (order: EngineOrder) => {
  // Not through a promise: what it costs to be called is what is measured.
  if (order.kind === "row") {
    const row = prepared(order.sql).get(order.key);
    parentPort?.postMessage({ kind: "row", id: order.id, row } satisfies EngineAnswer);
  } else void answer(order).then((told) => parentPort?.postMessage(told));
});
