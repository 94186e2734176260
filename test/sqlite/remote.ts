import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Database, DatabaseHandle, DriverName, SqlRow } from "../../adapters/sqlite/index.ts";

/** What a thread with a synchronous database is told. */
export interface RemoteOrder {
  readonly handle?: DatabaseHandle;
  readonly timeoutMs?: number;
  readonly exec?: string;
  readonly all?: string;
  /** A statement that is begun, and not ended. */
  readonly begin?: string;
  readonly driver?: true;
}

export interface RemoteDone {
  readonly value: unknown;
  readonly error:
    | { readonly message: string; readonly code: string; readonly cause: string | undefined }
    | undefined;
}

/** What a thread reported as an error. */
export class RemoteError extends Error {
  readonly code: string;
  /** The code of its cause. */
  readonly why: string | undefined;

  constructor({ message, code, cause }: NonNullable<RemoteDone["error"]>) {
    super(message);
    this.code = code;
    this.why = cause;
  }
}

/** A synchronous database on a thread of its own, which does one thing after the other. */
export class Remote {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async open(database: Database, timeoutMs = 5000): Promise<Remote> {
    const remote = new Remote(new Worker(new URL("./remote-worker.js", import.meta.url)));
    const handle = database.handle();
    await remote.#do({ handle, timeoutMs }, [handle.calls.port]);
    return remote;
  }

  async exec(sql: string): Promise<void> {
    await this.#do({ exec: sql });
  }

  async all(sql: string): Promise<SqlRow[]> {
    return (await this.#do({ all: sql })) as SqlRow[];
  }

  /** What runs its SQL. */
  async driver(): Promise<DriverName> {
    return (await this.#do({ driver: true })) as DriverName;
  }

  /** Leaves a statement with rows open. */
  async begin(sql: string): Promise<void> {
    await this.#do({ begin: sql });
  }

  /** Ends the thread wherever it is. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  async #do(order: RemoteOrder, transfer: readonly object[] = []): Promise<unknown> {
    const answered = once(this.#worker, "message");
    this.#worker.postMessage(order, transfer as []);
    const [{ value, error }] = (await answered) as [RemoteDone];
    if (error !== undefined) throw new RemoteError(error);
    return value;
  }
}
