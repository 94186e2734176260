import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { type CallOptions, type Clone, HeadwaterError, isHeadwaterError } from "../../lib/index.ts";
import type { DatabaseHandle } from "./between/clone-calls.ts";
import type { DriverName } from "./between/native.ts";
import { SqliteError } from "./between/sqlite-error.ts";
import type { ColumnInfo, RunResult, SqlParameters, SqlRow } from "./between/values.ts";
import type { FunctionSource } from "./between/work.ts";
import { Connection } from "./connection.ts";
import { startConnectionThread } from "./connection-thread.ts";
import type { AggregateOptions, FunctionOptions } from "./engine/user-functions.ts";
import type { Follower } from "./follower.ts";
import {
  NamedHydration,
  type NamedHydrationOptions,
  type TableHydrationOptions,
} from "./named-hydration.ts";
import type { PageService, ServedConnection } from "./page-service.ts";
import { Session } from "./session.ts";
import type { Statement } from "./statement.ts";
import { TransactionGate } from "./transaction-gate.ts";

/** What all connections of a database share. */
export interface DatabaseFiles {
  readonly service: PageService;
  readonly follower: Follower;
  /** Undefined where the file was whole, and somebody's own, when it was opened. */
  readonly clone: Clone | undefined;
  /** The name of the database when it is whole. */
  readonly file: string;
  readonly busyTimeoutMs: number;
  /** The connections that are open. With the last of them the files are closed. */
  readonly connections: Set<Database>;
  /** Has the whole get its final name, when nobody writes. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseStatus {
  /** What runs the SQL: SQLite in WebAssembly, or the native driver that took over from it. */
  readonly driver: DriverName;
  /** Why no native driver took over, where one that is installed should have. */
  readonly driverFailure: Error | undefined;
  /** As `Database.localPath`. */
  readonly localPath: string | undefined;
}

export interface TransactionOptions extends CallOptions {
  /** When the locks are taken (sqlite.org/lang_transaction.html). Default "deferred". */
  mode?: "deferred" | "immediate" | "exclusive";
}

/** The statements of a transaction, while it is open. */
export type DatabaseTransaction = Pick<
  Session,
  "all" | "columns" | "exec" | "get" | "iterate" | "pragma" | "prepare" | "run"
>;

/**
 * A SQLite database that may still be arriving: one connection, on a thread of its own. Statements
 * run one after the other, in the order of the calls.
 */
export class Database implements AsyncDisposable {
  readonly #files: DatabaseFiles;
  readonly #served: ServedConnection;
  readonly #connection: Connection;
  readonly #gate = new TransactionGate();
  readonly #session: Session;
  readonly #named: NamedHydration | undefined;
  #closing: Promise<void> | undefined;

  /** @param thread for its connection; told nothing yet. */
  constructor(files: DatabaseFiles, thread: Worker = startConnectionThread()) {
    this.#files = files;
    this.#served = files.service.connect();
    this.#connection = new Connection(this.#served, files.busyTimeoutMs, thread);
    this.#session = new Session(this.#connection, (work) => this.#pass(work));
    this.#named = files.clone && new NamedHydration(files.clone);
    files.connections.add(this);
  }

  /** What becomes local, and how far it is; undefined where everything was from the beginning. */
  get clone(): Clone | undefined {
    return this.#files.clone;
  }

  /** The file that any SQLite can open; undefined until it is whole and has its final name. */
  get localPath(): string | undefined {
    const { clone, file } = this.#files;
    const isWhole = clone === undefined || clone.status().hydration === "complete";
    return isWhole ? file : undefined;
  }

  /**
   * Waits until the whole is local and has its final name, and returns that path: of an ordinary
   * file, for a driver of one's own too. Gives up when `signal` says so; hydration goes on then.
   */
  async ensureLocal(options: CallOptions = {}): Promise<string> {
    const { signal } = options;
    const { clone, file, finish } = this.#files;
    // After everything else that is wanted: how it is brought stays as it is.
    const priority = Number.NEGATIVE_INFINITY;
    if (clone?.status().hydration === "stalled") clone.resume(); // somebody wants it again
    await clone?.hydrate({ priority, ...(signal && { signal }) });
    await untilAborted(finish(), signal);
    return file;
  }

  /** What runs the SQL of this connection, and how far the database is. */
  status(): DatabaseStatus {
    const { driver, driverFailure } = this.#connection;
    return { driver, driverFailure, localPath: this.localPath };
  }

  /** What runs the SQL of this connection, as of its last answer. */
  get driver(): DriverName {
    return this.#connection.driver;
  }

  /**
   * Has a table come before everything that was not named: the pages of its b-tree, and no others.
   * Resolves when they are local; from then on a query of it waits for nothing.
   *
   * @throws {RangeError} where there is no such table.
   */
  async hydrateTable(name: string, options: TableHydrationOptions = {}): Promise<void> {
    await this.#named?.table(name, options);
  }

  /** The same for an index. */
  async hydrateIndex(name: string, options: NamedHydrationOptions = {}): Promise<void> {
    await this.#named?.index(name, options);
  }

  /** Another connection to the same database, which sees what this one commits. */
  connect(): Database {
    if (this.#closing !== undefined) throw new HeadwaterError("CLOSED", "the database is closed");
    return new Database(this.#files);
  }

  prepare(sql: string): Statement {
    return this.#session.prepare(sql);
  }

  /** The first row, or undefined. */
  get(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow | undefined> {
    return this.#session.get(sql, parameters, options);
  }

  all(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow[]> {
    return this.#session.all(sql, parameters, options);
  }

  /** Runs one statement to its end, and forgets its rows. */
  run(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<RunResult> {
    return this.#session.run(sql, parameters, options);
  }

  /** The rows as they are wanted. Leaving it early ends the statement. */
  iterate(
    sql: string,
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<SqlRow, void, undefined> {
    return this.#session.iterate(sql, parameters, options);
  }

  /** Runs all statements of a text, and forgets their rows. */
  exec(sql: string, options?: CallOptions): Promise<void> {
    return this.#session.exec(sql, options);
  }

  /** The rows of a pragma; with `simple` the first column of the first one. */
  pragma(source: string, options?: CallOptions & { simple?: boolean }): Promise<unknown> {
    return this.#session.pragma(source, options);
  }

  columns(sql: string, options?: CallOptions): Promise<readonly ColumnInfo[]> {
    return this.#session.columns(sql, options);
  }

  /**
   * Runs `work` in a transaction, which what it throws rolls back. Everything else on this
   * connection waits until it is over; what `work` itself asks this database for would wait for
   * itself, and rejects with `WOULD_DEADLOCK`.
   */
  transaction<Result>(
    work: (transaction: DatabaseTransaction) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    const { mode = "deferred", signal } = options;
    const session = new Session(this.#connection, (inside) => inside());
    return this.#gate.alone(async () => {
      await session.exec(`BEGIN ${mode}`, signal && { signal });
      try {
        const result = await work(session);
        signal?.throwIfAborted();
        await session.exec("COMMIT");
        return result;
      } catch (error) {
        // Some errors have rolled back already.
        if (this.#connection.inTransaction) await session.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** A function for SQL that runs on the connection's thread, and so comes from a module. */
  async function(
    name: string,
    source: FunctionSource,
    options: FunctionOptions = {},
  ): Promise<void> {
    await this.#connection.do({ kind: "function", name, source, options });
  }

  /** An aggregate: the module exports an object with `step`, `start`, `result` and `inverse`. */
  async aggregate(
    name: string,
    source: FunctionSource,
    options: Omit<AggregateOptions, "step"> = {},
  ): Promise<void> {
    await this.#connection.do({ kind: "aggregate", name, source, options });
  }

  /** Ends every statement of this connection that runs or waits, with `SQLITE_INTERRUPT`. */
  interrupt(): void {
    this.#connection.interrupt();
  }

  /** Copies the database into a new file, without its free pages. */
  async backup(path: string, options: CallOptions = {}): Promise<void> {
    await this.#pass(() => this.#connection.do({ kind: "backup", path }, options.signal));
  }

  /**
   * For a synchronous database on another thread: to be sent there in a message whose transfer list
   * has `handle.calls.port`, and opened there with `DatabaseSync.open`. It is a connection of its
   * own, which this database outlives.
   */
  handle(): DatabaseHandle {
    return this.#files.service.connect().handle;
  }

  /** Rolls back what is open, and ends the connection; with the last one the files are closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { connections } = this.#files;
    await this.#connection.close();
    connections.delete(this);
    if (connections.size === 0) await this.#files.close();
  }

  /** Once more, where the version that was being read is gone, and there is a later one. */
  async #pass<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#gate.pass(work);
    } catch (error) {
      const isGone =
        error instanceof SqliteError && isHeadwaterError(error.cause, "SOURCE_CHANGED");
      if (!isGone || this.#connection.inTransaction) throw error;
      if (!(await this.#files.follower.follow())) throw error;
      return this.#gate.pass(work);
    }
  }
}

/** @throws the signal's reason, while the work goes on. */
async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const over = new AbortController();
  try {
    await Promise.race([work, once(signal, "abort", { signal: over.signal })]);
    signal.throwIfAborted();
  } finally {
    over.abort();
    work.catch(() => {}); // whoever waited has been told already
  }
}
