// Kysely on a database that is still arriving. It works synchronously, so it has a thread of its
// own, and this one fetches the pages that it waits for. `places.js` makes the database.
//
//   node dist/examples/kysely.js URL FILE
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { openDatabase } from "headwater/sqlite";

const [url = "", file = ""] = process.argv.slice(2);

await using db = await openDatabase(url, file);
const handle = db.handle();
const worker = new Worker(new URL("./kysely-worker.js", import.meta.url), {
  workerData: handle,
  transferList: [handle.calls.port],
});
worker.on("message", (rows) => console.log(rows));
await once(worker, "exit");
