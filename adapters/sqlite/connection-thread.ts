import { Worker } from "node:worker_threads";

/** Starts a thread for one connection. It loads SQLite before it is told what to open. */
export function startConnectionThread(): Worker {
  const thread = new Worker(new URL("./connection-worker.js", import.meta.url));
  thread.unref(); // but for the time in which it works
  return thread;
}
