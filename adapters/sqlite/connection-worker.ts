// The thread of one connection: does what it is told, one after the other.

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../lib/assert.ts";
import { describeError } from "./between/sqlite-error.ts";
import type { ConnectionStart, WorkDone, WorkOrder } from "./between/work.ts";
import type { ThreadData } from "./connection-thread.ts";
import { DatabaseSync } from "./engine/database-sync.ts";
import { loadSqlite } from "./engine/raw.ts";
import { WorkHandler } from "./engine/work-handler.ts";

const port = parentPort;
assert(port !== null, "a connection needs a thread of its own");
let opening: Promise<DatabaseSync>;
let handler: WorkHandler | undefined;

async function run({ id, work }: WorkOrder): Promise<void> {
  let done: Pick<WorkDone, "result" | "error">;
  try {
    handler ??= new WorkHandler(await opening);
    handler.begin(id);
    const result = handler.run(work);
    done = { result: result instanceof Promise ? await result : result, error: undefined };
  } catch (error) {
    done = { result: undefined, error: describeError(error) };
  }
  const { inTransaction = false, driver, driverFailure } = handler?.database ?? {};
  const failure = driverFailure === undefined ? undefined : describeError(driverFailure);
  const told: WorkDone = { id, ...done, inTransaction, driver, driverFailure: failure };
  port?.postMessage(told);
  if (work.kind === "close") port?.close();
}

const queue: WorkOrder[] = [];
let isRunning = false;

async function runAll(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  for (let order = queue.shift(); order !== undefined; order = queue.shift()) await run(order);
  isRunning = false;
}

port.once("message", ({ handle, busyTimeoutMs }: ConnectionStart) => {
  opening = DatabaseSync.open(handle, { timeout: busyTimeoutMs });
  opening.catch(() => {}); // told to who wants something done
  port.on("message", (order: WorkOrder) => {
    queue.push(order);
    void runAll();
  });
});
const { loaded } = workerData as ThreadData;
loadSqlite().then(
  () => loaded?.postMessage("loaded"),
  (error: unknown) => {
    if (loaded !== undefined) throw error; // else it is told when a database is opened
  },
);
