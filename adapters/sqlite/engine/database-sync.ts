import { threadId } from "node:worker_threads";
import { HeadwaterError } from "../../../lib/errors.ts";
import type { DatabaseHandle } from "../shared/clone-calls.ts";
import type { Interruption } from "../shared/interruption.ts";
import { SQLITE } from "../shared/result-codes.ts";
import { ConnectionFiles } from "./connection-files.ts";
import { Core } from "./core.ts";
import { loadSqlite } from "./raw.ts";
import { StatementSync } from "./statement-sync.ts";
import { type Transaction, transaction } from "./transaction.ts";
import {
  type AggregateOptions,
  type FunctionOptions,
  type UserFunction,
  UserFunctions,
} from "./user-functions.ts";

const DEFAULT_BUSY_MS = 5000;

/** Bytes of a pointer in the module's memory. */
const POINTER_SIZE = 4;

/** As the native drivers set them, so that nothing changes when one of those takes over. */
const DEFAULTS = "pragma foreign_keys = on; pragma recursive_triggers = off";

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
  readonly #core: Core;
  readonly #functions: UserFunctions;
  readonly #statements = new Set<StatementSync>();
  readonly #files: ConnectionFiles;
  #iterations = 0;
  #safeIntegers = false;

  private constructor(handle: DatabaseHandle, core: Core, files: ConnectionFiles) {
    this.name = handle.file;
    this.readonly = !handle.writable;
    this.#core = core;
    this.#files = files;
    this.#functions = new UserFunctions(core);
  }

  /**
   * @param handle of `Database.handle`, sent to this thread, and used once.
   * @throws {HeadwaterError} `WOULD_DEADLOCK` on the thread that owns the clone.
   * @throws {SqliteError} when the database cannot be opened.
   */
  static async open(
    handle: DatabaseHandle,
    options: ConnectionOptions = {},
  ): Promise<DatabaseSync> {
    if (handle.threadId === threadId) {
      const message =
        "a synchronous database would wait for the thread it runs on to fetch its pages; " +
        "open it in a worker thread, or use the asynchronous Database";
      throw new HeadwaterError("WOULD_DEADLOCK", message);
    }
    const sqlite = await loadSqlite();
    const files = new ConnectionFiles(handle);
    const { interruption } = files.caller;
    const { file: path, writable } = handle;
    const core = new Core({ sqlite, files, path, writable, interruption });
    const database = new DatabaseSync(handle, core, files);
    core.raw.sqlite3_busy_timeout(core.db, options.timeout ?? DEFAULT_BUSY_MS);
    database.exec(DEFAULTS);
    return database;
  }

  get open(): boolean {
    return this.#core.isOpen;
  }

  get inTransaction(): boolean {
    return this.open && this.#core.raw.sqlite3_get_autocommit(this.#core.db) === 0;
  }

  /** What ends the statements of this connection from another thread. */
  get interruption(): Interruption {
    return this.#files.caller.interruption;
  }

  /** Iterations that were begun and not ended. */
  get iterations(): number {
    return this.#iterations;
  }

  /**
   * @throws {SqliteError} for SQL that cannot be compiled.
   * @throws {RangeError} for no statement, or more than one.
   */
  prepare(sql: string): StatementSync {
    this.#core.check();
    const { statement, tail } = this.#compile(sql);
    if (statement === 0) throw new RangeError("The supplied SQL string contains no statements");
    if (this.#hasStatement(tail)) {
      this.#core.raw.sqlite3_finalize(statement);
      throw new RangeError("The supplied SQL string contains more than one statement");
    }
    const prepared = new StatementSync(this, this.#core, statement, sql);
    this.#statements.add(prepared);
    return this.#safeIntegers ? prepared.safeIntegers() : prepared;
  }

  /** Gives back what a statement holds, before the database is closed. */
  release(statement: StatementSync): void {
    if (this.#statements.delete(statement) && this.open) statement.finalize();
  }

  /** Runs all statements of a text, and forgets their rows. */
  exec(sql: string): this {
    this.#core.check();
    const { raw } = this.#core;
    for (let rest = sql; rest !== ""; ) {
      const { statement, tail } = this.#compile(rest);
      rest = tail;
      if (statement === 0) continue;
      let code: number = SQLITE.ROW;
      while (code === SQLITE.ROW) code = raw.sqlite3_step(statement);
      const error = code === SQLITE.DONE ? undefined : this.#failure(code);
      raw.sqlite3_finalize(statement);
      if (error !== undefined) throw error;
    }
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
    this.#core.check();
    if (typeof options === "function") this.#functions.add(name, options);
    else if (call !== undefined) this.#functions.add(name, call, options);
    else throw new TypeError("Expected last argument to be a function");
    return this;
  }

  aggregate(name: string, options: AggregateOptions): this {
    this.#core.check();
    this.#functions.addAggregate(name, options);
    return this;
  }

  /** Whether integers of statements that are prepared from now on are bigints, whatever size. */
  defaultSafeIntegers(isOn = true): this {
    this.#safeIntegers = isOn;
    return this;
  }

  /** Ends every statement. A second call is harmless. */
  close(): this {
    if (!this.open) return this;
    if (this.#iterations > 0) {
      throw new TypeError("This database connection is busy executing a query");
    }
    for (const statement of this.#statements) statement.finalize();
    this.#statements.clear();
    this.#core.close();
    this.#functions.close();
    this.#files.close();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Counts iterations, while which the connection cannot be closed. For statements. */
  iterating(change: 1 | -1): void {
    this.#iterations += change;
  }

  /** What a step has reported: what a user's function threw comes out as it went in. */
  failure(code: number): unknown {
    return this.#failure(code);
  }

  #failure(code: number): unknown {
    const thrown = this.#functions.takeThrown();
    return thrown ?? this.#core.error(code);
  }

  #hasStatement(sql: string): boolean {
    if (sql.trim() === "") return false;
    const { statement } = this.#compile(sql);
    this.#core.raw.sqlite3_finalize(statement);
    return statement !== 0;
  }

  /** The first statement of a text, 0 where there is none, and what comes after it. */
  #compile(sql: string): { statement: number; tail: string } {
    const { raw, heap, db } = this.#core;
    const text = heap.allocateText(sql);
    const targets = heap.allocate(2 * POINTER_SIZE);
    try {
      const tailAt = targets + POINTER_SIZE;
      this.#core.ok(raw.sqlite3_prepare_v3(db, text, -1, 0, targets, tailAt));
      return { statement: heap.uint32(targets), tail: heap.zeroEnded(heap.uint32(tailAt)) };
    } finally {
      heap.free(targets);
      heap.free(text);
    }
  }
}
