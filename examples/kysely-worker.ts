// The thread of `kysely.js`.
import { parentPort, workerData } from "node:worker_threads";
import { type DatabaseHandle, DatabaseSync } from "headwater/sqlite";
import { Kysely, SqliteDialect } from "kysely";

interface Tables {
  readonly place: { readonly zip: string; readonly city: string; readonly state: string };
}

const database = await DatabaseSync.open(workerData as DatabaseHandle);
const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
const rows = await kysely
  .selectFrom("place")
  .select(["state", kysely.fn.countAll<number>().as("places")])
  .where("city", "=", "Springfield")
  .groupBy("state")
  .orderBy("places", "desc")
  .limit(3)
  .execute();
parentPort?.postMessage(rows);
await kysely.destroy();
