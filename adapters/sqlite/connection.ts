import { setMaxListeners } from "node:events";
import type { Worker } from "node:worker_threads";
import { HeadwaterError } from "../../lib/index.ts";
import type { DriverName } from "./between/native.ts";
import { SQLITE } from "./between/result-codes.ts";
import { rowOf } from "./between/rows.ts";
import { restoreError, SqliteError } from "./between/sqlite-error.ts";
import type { RowBatch, SqlRow } from "./between/values.ts";
import type {
  ConnectionStart,
  Rows,
  StatementName,
  Work,
  WorkDone,
  WorkOrder,
  WorkResult,
} from "./between/work.ts";
import type { ServedConnection } from "./page-service.ts";

/** Statements that are kept prepared. */
const MOST_STATEMENTS = 200;

interface Waiting {
  resolve(result: WorkResult): void;
  reject(error: unknown): void;
  /** Whether nobody waits any more, though the thread is still at it. */
  isGivenUp: boolean;
}

/** A statement that the thread of a connection has, or will have, prepared. */
export class KnownStatement {
  readonly name: StatementName;
  #names: readonly string[] = [];

  constructor(number: number, sql: string) {
    this.name = { number, sql };
  }

  /** Makes objects of the rows that it has returned, in the order in which they came. */
  rows(returned: Rows): SqlRow[] {
    const { names, rows } = this.batch(returned);
    return rows.map((values) => rowOf(names, values));
  }

  /** The same rows, with the names that came with them or before. */
  batch({ names, rows }: Rows): RowBatch {
    if (names !== undefined) this.#names = names;
    return { names: this.#names, rows };
  }
}

/** A connection's thread, on this side: what it is told to do, and what it answers. */
export class Connection {
  readonly #served: ServedConnection;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** By SQL; the least recently used first. */
  readonly #statements = new Map<string, KnownStatement>();
  #lastId = 0;
  #lastStatement = 0;
  #inTransaction = false;
  #driver: DriverName = "wasm";
  #driverFailure: Error | undefined;
  #ended: Error | undefined;
  readonly #exited: Promise<void>;

  /** @param thread that has been told nothing yet. */
  constructor(served: ServedConnection, busyTimeoutMs: number, thread: Worker) {
    this.#served = served;
    const { handle } = served;
    served.settle = () => {
      this.do({ kind: "settle" }).catch(() => {}); // it goes on as it is
    };
    const start: ConnectionStart = { handle, busyTimeoutMs };
    this.#worker = thread;
    this.#worker.postMessage(start, [handle.calls.port]);
    this.#worker.on("message", (done: WorkDone) => this.#done(done));
    this.#worker.on("error", (error) => this.#end(error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#end(new HeadwaterError("CLOSED", "the connection is closed"));
        resolve();
      });
    });
  }

  /** Whether a transaction was open when it answered last. */
  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  /** What ran the SQL when it answered last. */
  get driver(): DriverName {
    return this.#driver;
  }

  /** Why no native driver took over, where one should have. */
  get driverFailure(): Error | undefined {
    return this.#driverFailure;
  }

  /** Work that was not answered yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** @throws what the work threw, or the signal's reason. */
  async do(work: Work, signal?: AbortSignal): Promise<WorkResult> {
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    this.#lastId += 1;
    const id = this.#lastId;
    const cancel = (): void => this.#cancel(id);
    // Many calls may have one signal: from the eleventh on, Node would take that for a leak.
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.#served.interruption.expect(id);
      post(this.#worker, { id, work });
      return await new Promise<WorkResult>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject, isGivenUp: false });
        this.#worker.ref();
      });
    } catch (error) {
      const isInterrupt = error instanceof SqliteError && error.resultCode === SQLITE.INTERRUPT;
      if (isInterrupt && signal?.aborted) throw signal.reason;
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** The statement of this SQL, whose name is good for the next thing that is done. */
  statement(sql: string): KnownStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    this.#lastStatement += 1;
    const statement = new KnownStatement(this.#lastStatement, sql);
    this.#statements.set(sql, statement);
    this.#releaseOldest();
    return statement;
  }

  /** Ends everything that was asked for and not answered. */
  interrupt(): void {
    for (const id of this.#waiting.keys()) this.#cancel(id);
  }

  /** Rolls back, and ends the thread. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      this.interrupt();
      await this.do({ kind: "close" }).catch(() => {});
    }
    this.#worker.ref();
    await this.#exited;
  }

  #cancel(id: number): void {
    this.#served.interruption.cancel(id);
    if (this.#driver === "wasm") return;
    // A native driver cannot be interrupted: what it does is done, and nobody waits for it.
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.isGivenUp = true;
    waiting.reject(new SqliteError(SQLITE.INTERRUPT, "interrupted"));
  }

  #done(done: WorkDone): void {
    const { id, result, error, inTransaction } = done;
    this.#inTransaction = inTransaction;
    this.#driver = done.driver ?? this.#driver;
    if (done.driverFailure !== undefined) this.#driverFailure = restoreError(done.driverFailure);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting?.isGivenUp) this.#leave(result);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(restoreError(error));
  }

  /** Ends an iteration that nobody wants. */
  #leave(result: WorkResult): void {
    if (result === undefined || !("isOpen" in result) || !result.isOpen) return;
    const { iteration = 0 } = result;
    this.do({ kind: "leave", iteration }).catch(() => {}); // it ends anyway
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#served.end();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #releaseOldest(): void {
    if (this.#statements.size <= MOST_STATEMENTS) return;
    const [sql, oldest] = this.#statements.entries().next().value as [string, KnownStatement];
    this.#statements.delete(sql);
    this.do({ kind: "release", numbers: [oldest.name.number] }).catch(() => {}); // it ends anyway
  }
}

/** @throws {TypeError} for what cannot be sent to another thread, such as a function. */
function post(worker: Worker, order: WorkOrder): void {
  try {
    worker.postMessage(order);
  } catch (error) {
    throw new TypeError((error as Error).message, { cause: error });
  }
}
