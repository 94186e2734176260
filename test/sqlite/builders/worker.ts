// A thread with a synchronous database that a query builder asks. Tells what that was told.
import { parentPort, workerData } from "node:worker_threads";
import { type DatabaseHandle, DatabaseSync } from "../../../adapters/sqlite/index.ts";
import { askWithDrizzle } from "./drizzle.ts";
import { askWithKysely } from "./kysely.ts";

export interface BuilderOrder {
  readonly handle: DatabaseHandle;
  readonly builder: "kysely" | "drizzle";
}

const { handle, builder } = workerData as BuilderOrder;
const database = await DatabaseSync.open(handle);
const told = builder === "kysely" ? await askWithKysely(database) : askWithDrizzle(database);
parentPort?.postMessage(told);
