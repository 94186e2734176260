// A thread with a synchronous database, which does what it is told.
import { parentPort } from "node:worker_threads";
import { DatabaseSync } from "../../adapters/sqlite/index.ts";
import type { RemoteDone, RemoteOrder } from "./remote.ts";

let database: DatabaseSync | undefined;

async function done({
  handle,
  timeoutMs,
  exec,
  all,
  begin,
  driver,
}: RemoteOrder): Promise<unknown> {
  if (handle !== undefined) {
    database = await DatabaseSync.open(handle, { timeout: timeoutMs ?? 5000 });
  }
  if (exec !== undefined) database?.exec(exec);
  if (begin !== undefined) database?.prepare(begin).iterate().next();
  if (driver) return database?.driver;
  return all === undefined ? undefined : database?.prepare(all).all();
}

parentPort?.on("message", (order: RemoteOrder) => {
  done(order).then(
    (value) => parentPort?.postMessage({ value, error: undefined } satisfies RemoteDone),
    (error: Error & { code?: string }) => {
      const { name, message, code = name, cause } = error;
      const why = (cause as { code?: string } | undefined)?.code;
      const told: RemoteDone = { value: undefined, error: { message, code, cause: why } };
      parentPort?.postMessage(told);
    },
  );
});
