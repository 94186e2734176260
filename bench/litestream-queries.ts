// Headwater under point queries of a replica, in a process that has loaded it before time counts:
//
//   node litestream-queries.js '{"replica":"…","layout":"s3","path":"…","sql":"…","ids":[…],
//     "isLoaded":true}'
//
// Prints, in seconds, when the first answer was there and how long each query took while it
// hydrated, both through promises; and how many it answers in a second afterwards, inside a worker.

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { litestream, type ReplicaLayout } from "../adapters/ltx/index.ts";
import {
  type DatabaseHandle,
  DatabaseSync,
  loadSqlite,
  openDatabase,
} from "../adapters/sqlite/index.ts";
import { loadBitmaps } from "../lib/index.ts";

/** What is asked. */
export interface Questions {
  /** One parameter. */
  readonly sql: string;
  readonly ids: readonly number[];
}

export interface QueryOrder extends Questions {
  readonly replica: string;
  readonly layout: ReplicaLayout;
  readonly path: string;
  /** Whether SQLite is loaded before time counts. */
  readonly isLoaded: boolean;
}

export interface QueryTimes {
  readonly first: number;
  readonly during: readonly number[];
  readonly rate: number;
}

interface RateOrder extends Questions {
  readonly handle: DatabaseHandle;
}

const WARM_UP = 200;

async function measure(order: QueryOrder): Promise<QueryTimes> {
  const { replica, layout, path, sql, ids } = order;
  await loadBitmaps();
  if (order.isLoaded) await loadSqlite();
  if (replica.startsWith("http:")) await import("../adapters/ltx/http-store.ts");
  const start = performance.now();
  await using database = await openDatabase(litestream(replica, { layout }), path);
  await database.get(sql, [ids[0] ?? 0]);
  const first = (performance.now() - start) / 1000;

  const during: number[] = [];
  for (let asked = 1; database.localPath === undefined; asked += 1) {
    const before = performance.now();
    await database.get(sql, [ids[asked % ids.length] ?? 0]);
    during.push((performance.now() - before) / 1000);
  }
  const handle = database.handle();
  const rateOrder: RateOrder = { handle, sql, ids };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: rateOrder,
    transferList: [handle.calls.port],
  });
  const rate = await new Promise<number>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
  return { first, during, rate };
}

/** Queries in a second, on the thread of the database. */
async function measureRate({ handle, sql, ids }: RateOrder): Promise<number> {
  const database = await DatabaseSync.open(handle);
  const statement = database.prepare(sql);
  for (const id of ids.slice(0, WARM_UP)) statement.get(id);
  const start = performance.now();
  for (const id of ids) statement.get(id);
  const rate = (ids.length * 1000) / (performance.now() - start);
  database.close();
  return rate;
}

if (isMainThread) {
  const order = JSON.parse(process.argv[2] ?? "{}") as QueryOrder;
  process.stdout.write(JSON.stringify(await measure(order)));
} else {
  parentPort?.postMessage(await measureRate(workerData as RateOrder));
}
