import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

/** What a thread is told when it starts. */
export interface ThreadData {
  /** Gets a message once SQLite is loaded. */
  readonly loaded?: MessagePort;
}

/** One that was started beforehand, and waits for a connection. */
let spare: Worker | undefined;
let loading: Promise<void> | undefined;

/** A thread for one connection. It loads SQLite before it is told what to open. */
export function startConnectionThread(): Worker {
  const thread = spare ?? start({});
  spare = undefined;
  loading = undefined;
  return thread;
}

/**
 * Loads SQLite before it is needed: the next connection that is opened, of whichever database,
 * starts with it. Good for who has a moment before the first query, such as a server that starts.
 * Without it SQLite is loaded while a database is opened. A second call, before there was a
 * connection, does nothing more.
 */
export function loadSqlite(): Promise<void> {
  loading ??= prepare();
  return loading;
}

async function prepare(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const thread = start({ loaded: port2 }, [port2]);
  spare = thread;
  thread.on("error", () => {}); // it exits then
  thread.once("exit", () => forget(thread));
  try {
    await new Promise<void>((resolve, reject) => {
      port1.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", () => reject(new Error("the thread of SQLite ended while it loaded")));
    });
  } finally {
    port1.close();
  }
}

function forget(thread: Worker): void {
  if (spare !== thread) return;
  spare = undefined;
  loading = undefined;
}

function start(data: ThreadData, transferList: MessagePort[] = []): Worker {
  const url = new URL("./connection-worker.js", import.meta.url);
  const thread = new Worker(url, { workerData: data, transferList });
  thread.unref(); // but for the time in which it works
  return thread;
}
