import type { DatabaseHandle } from "../between/clone-calls.ts";
import { SQLITE } from "../between/result-codes.ts";
import type { ConnectionFiles } from "./connection-files.ts";
import { Core } from "./core.ts";
import type { Driver, PreparedStatement, StatementOwner } from "./driver.ts";
import type { Sqlite } from "./raw.ts";
import {
  type AggregateOptions,
  type FunctionOptions,
  type UserFunction,
  UserFunctions,
} from "./user-functions.ts";
import { WasmStatement } from "./wasm-statement.ts";

/** Bytes of a pointer in the module's memory. */
const POINTER_SIZE = 4;

/** A database of a clone, whose pages may still be arriving, opened by SQLite in WebAssembly. */
export class WasmDatabase implements Driver {
  readonly name = "wasm";
  readonly #core: Core;
  readonly #files: ConnectionFiles;
  readonly #functions: UserFunctions;

  /** @throws {SqliteError} when the database cannot be opened. */
  constructor(sqlite: Sqlite, handle: DatabaseHandle, files: ConnectionFiles) {
    const { file: path, writable } = handle;
    const { interruption } = files.caller;
    this.#core = new Core({ sqlite, files, path, writable, interruption });
    this.#files = files;
    this.#functions = new UserFunctions(this.#core);
  }

  get isOpen(): boolean {
    return this.#core.isOpen;
  }

  get inTransaction(): boolean {
    return this.#core.raw.sqlite3_get_autocommit(this.#core.db) === 0;
  }

  prepare(owner: StatementOwner, sql: string): PreparedStatement {
    this.#core.check();
    const { statement: pointer, tail } = this.#compile(sql);
    if (pointer === 0) throw new RangeError("The supplied SQL string contains no statements");
    if (this.#hasStatement(tail)) {
      this.#core.raw.sqlite3_finalize(pointer);
      throw new RangeError("The supplied SQL string contains more than one statement");
    }
    const failure = (code: number): unknown => this.#failure(code);
    return new WasmStatement(owner, { core: this.#core, pointer, source: sql, failure });
  }

  exec(sql: string): void {
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
  }

  addFunction(name: string, call: UserFunction, options: FunctionOptions): void {
    this.#core.check();
    this.#functions.add(name, call, options);
  }

  addAggregate(name: string, options: AggregateOptions): void {
    this.#core.check();
    this.#functions.addAggregate(name, options);
  }

  setBusyTimeout(ms: number): void {
    this.#core.raw.sqlite3_busy_timeout(this.#core.db, ms);
  }

  releaseFile(): void {
    this.#files.releaseDatabase();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#core.close();
    this.#functions.close();
  }

  /** What a step has reported: what a user's function threw comes out as it went in. */
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
