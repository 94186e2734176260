import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Database } from "../adapters/sqlite/index.ts";
import type { EngineAnswer, EngineOrder } from "./sqlite-engine-thread.ts";

/** Pipelined: so many calls at once. */
const AT_ONCE = 100;

/** A synchronous database on a thread of its own. */
export class EngineThread implements AsyncDisposable {
  readonly #worker = new Worker(new URL("./sqlite-engine-thread.js", import.meta.url));
  readonly #calls = new Map<number, (row: unknown) => void>();
  #lastCall = 0;

  private constructor() {
    this.#worker.on("message", (answer: EngineAnswer) => {
      if (answer.kind !== "row") return;
      this.#calls.get(answer.id)?.(answer.row);
      this.#calls.delete(answer.id);
    });
  }

  /** A connection to a database of ours, and what runs its SQL. */
  static async ours(database: Database): Promise<{ thread: EngineThread; driver: string }> {
    const handle = database.handle();
    return await EngineThread.#open({ kind: "ours", handle }, [handle.calls.port]);
  }

  /** better-sqlite3. */
  static async theirs(path: string): Promise<EngineThread> {
    return (await EngineThread.#open({ kind: "theirs", path })).thread;
  }

  static async #open(
    order: EngineOrder,
    transfer: readonly object[] = [],
  ): Promise<{ thread: EngineThread; driver: string }> {
    const thread = new EngineThread();
    const answer = await thread.#do(order, transfer);
    if (answer.kind !== "opened") throw new Error(`a database answers ${answer.kind}`);
    return { thread, driver: answer.driver };
  }

  /** How long it takes, on that thread, in seconds. */
  async took(order: EngineOrder): Promise<number> {
    const answer = await this.#do(order);
    if (answer.kind !== "took") throw new Error(`a measurement answers ${answer.kind}`);
    return answer.seconds;
  }

  /** One row, as simply as another thread can be asked for it. */
  readonly row = (sql: string, key: number): Promise<unknown> => {
    this.#lastCall += 1;
    const id = this.#lastCall;
    const order: EngineOrder = { kind: "row", id, sql, key };
    return new Promise((resolve) => {
      this.#calls.set(id, resolve);
      this.#worker.postMessage(order);
    });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  async #do(order: EngineOrder, transfer: readonly object[] = []): Promise<EngineAnswer> {
    const answered = once(this.#worker, "message");
    this.#worker.postMessage(order, transfer as []);
    const [answer] = (await answered) as [EngineAnswer];
    return answer;
  }
}

/** Asks for rows, one after the other or many at once. */
export async function askAll(
  ask: (key: number) => Promise<unknown>,
  keys: readonly number[],
  isPipelined: boolean,
): Promise<void> {
  const step = isPipelined ? AT_ONCE : 1;
  for (let from = 0; from < keys.length; from += step) {
    const rows = await Promise.all(keys.slice(from, from + step).map(ask));
    if (rows.includes(undefined)) throw new Error("a row is missing");
  }
}
