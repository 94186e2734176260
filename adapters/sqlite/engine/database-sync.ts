import { threadId } from "node:worker_threads";
import { HeadwaterError } from "../../../lib/errors.ts";
import type { DatabaseHandle } from "../between/clone-calls.ts";
import type { Interruption } from "../between/interruption.ts";
import type { DriverName } from "../between/native.ts";
import { ConnectionFiles } from "./connection-files.ts";
import { CurrentDriver } from "./current-driver.ts";
import { StatementSync } from "./statement-sync.ts";
import { type Transaction, transaction } from "./transaction.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

const DEFAULT_BUSY_MS = 5000;

export interface ConnectionOptions {
  /** How long a locked database is waited for, in milliseconds. Default 5000. */
  timeout?: number;
}

/**
 * A database of a clone on this thread, in the shape of better-sqlite3's: every call waits until it
 * is done. A page that is not local is asked of the thread that owns the clone, so that this must
 * be another one.
 */
export class DatabaseSync implements Disposable {
  readonly name: string;
  readonly readonly: boolean;
  readonly memory = false;
  readonly #files: ConnectionFiles;
  readonly #current: CurrentDriver;
  #safeIntegers = false;

  private constructor(handle: DatabaseHandle, files: ConnectionFiles, current: CurrentDriver) {
    this.name = handle.file;
    this.readonly = !handle.writable;
    this.#files = files;
    this.#current = current;
  }

  /**
   * @param handle of `Database.handle`, sent to this thread, and used once, also where this fails.
   * @throws {HeadwaterError} `WOULD_DEADLOCK` on the thread that owns the clone.
   * @throws {SqliteError} when the database cannot be opened.
   */
  static async open(
    handle: DatabaseHandle,
    options: ConnectionOptions = {},
  ): Promise<DatabaseSync> {
    const files = new ConnectionFiles(handle);
    try {
      checkThread(handle);
      const { timeout: busyTimeoutMs = DEFAULT_BUSY_MS } = options;
      return new DatabaseSync(
        handle,
        files,
        await CurrentDriver.open({ handle, files, busyTimeoutMs }),
      );
    } catch (error) {
      files.close(); // which gives its place among the connections back
      throw error;
    }
  }

  get open(): boolean {
    return this.#current.driver.isOpen;
  }

  get inTransaction(): boolean {
    return this.#current.inTransaction;
  }

  /** What runs the SQL now. */
  get driver(): DriverName {
    return this.#current.driver.name;
  }

  /** Why no native driver could take over, where one should have; else undefined. */
  get driverFailure(): unknown {
    return this.#current.failure;
  }

  /** What ends the statements of this connection from another thread. */
  get interruption(): Interruption {
    return this.#files.caller.interruption;
  }

  /** Iterations that were begun and not ended. */
  get iterations(): number {
    return this.#current.iterations;
  }

  /**
   * @throws {SqliteError} for SQL that cannot be compiled.
   * @throws {RangeError} for no statement, or more than one.
   */
  prepare(sql: string): StatementSync {
    const prepared = this.#doing((current) => new StatementSync(this, current, sql));
    this.#current.keep(prepared);
    return this.#safeIntegers ? prepared.safeIntegers() : prepared;
  }

  /** Gives back what a statement holds, before the database is closed. */
  release(statement: StatementSync): void {
    this.#current.release(statement);
  }

  /** Runs all statements of a text, and forgets their rows. */
  exec(sql: string): this {
    this.#doing(({ driver }) => driver.exec(sql));
    return this;
  }

  /** The rows of a pragma; with `simple` the first column of the first one. */
  pragma(source: string, options: { simple?: boolean } = {}): unknown {
    const statement = this.prepare(`PRAGMA ${source}`);
    try {
      if (options.simple) return statement.pluck().get();
      if (statement.reader) return statement.all();
      statement.run();
      return [];
    } finally {
      this.release(statement);
    }
  }

  transaction<Work extends (...values: never[]) => unknown>(work: Work): Transaction<Work> {
    if (typeof work !== "function") throw new TypeError("Expected first argument to be a function");
    return transaction(this, work);
  }

  function(name: string, options: FunctionOptions | UserFunction, call?: UserFunction): this {
    const work = typeof options === "function" ? options : call;
    if (work === undefined) throw new TypeError("Expected last argument to be a function");
    const given = typeof options === "function" ? {} : options;
    this.#doing((current) => current.add((driver) => driver.addFunction(name, work, given)));
    return this;
  }

  aggregate(name: string, options: AggregateOptions): this {
    this.#doing((current) => current.add((driver) => driver.addAggregate(name, options)));
    return this;
  }

  /** Whether integers of statements that are prepared from now on are bigints, whatever size. */
  defaultSafeIntegers(isOn = true): this {
    this.#safeIntegers = isOn;
    return this;
  }

  /** Has a native driver take over, if one can now. */
  settle(): void {
    this.#doing(() => {}); // where all have to agree
    this.#doing(() => {});
  }

  /** Ends every statement. A second call is harmless. */
  close(): this {
    if (!this.open) return this;
    if (this.iterations > 0) {
      throw new TypeError("This database connection is busy executing a query");
    }
    this.#current.close();
    this.#files.close();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #doing<Result>(work: (current: CurrentDriver) => Result): Result {
    const current = this.#current;
    current.begin();
    try {
      return work(current);
    } finally {
      current.end();
    }
  }
}

function checkThread(handle: DatabaseHandle): void {
  if (handle.threadId !== threadId) return;
  const message =
    "a synchronous database would wait for the thread it runs on to fetch its pages; " +
    "open it in a worker thread, or use the asynchronous Database";
  throw new HeadwaterError("WOULD_DEADLOCK", message);
}
