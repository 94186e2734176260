import { SQLITE } from "../between/result-codes.ts";
import type { ColumnInfo, RunResult } from "../between/values.ts";
import { Bindings } from "./bindings.ts";
import { Columns } from "./columns.ts";
import type { Core } from "./core.ts";
import type { PreparedStatement, RowShape, Shape, StatementOwner } from "./driver.ts";
import { inNumber } from "./native-values.ts";

export interface WasmStatementOptions {
  readonly core: Core;
  readonly pointer: number;
  readonly source: string;
  /** The error for what a step has reported. */
  failure(code: number): unknown;
}

/** A statement of SQLite in WebAssembly. */
export class WasmStatement implements PreparedStatement {
  readonly database: StatementOwner;
  readonly source: string;
  readonly reader: boolean;
  readonly readonly: boolean;
  busy = false;
  readonly #core: Core;
  readonly #pointer: number;
  readonly #bindings: Bindings;
  readonly #columns: Columns;
  readonly #failure: (code: number) => unknown;
  #shape: Shape = "rows";
  #isBound = false;

  constructor(database: StatementOwner, options: WasmStatementOptions) {
    const { core, pointer, source, failure } = options;
    this.database = database;
    this.source = source;
    this.#failure = failure;
    this.#core = core;
    this.#pointer = pointer;
    this.#bindings = new Bindings(core, pointer);
    this.#columns = new Columns(core, pointer);
    this.reader = this.#columns.count > 0;
    this.readonly = core.raw.sqlite3_stmt_readonly(pointer) !== 0;
  }

  get(...parameters: readonly unknown[]): RowShape | undefined {
    this.#begin(parameters);
    try {
      return this.#step() ? this.#rowMaker()() : undefined;
    } finally {
      this.#end();
    }
  }

  all(...parameters: readonly unknown[]): RowShape[] {
    this.#begin(parameters);
    try {
      const rows: RowShape[] = [];
      if (!this.#step()) return rows;
      const row = this.#rowMaker();
      do rows.push(row());
      while (this.#step());
      return rows;
    } finally {
      this.#end();
    }
  }

  run(...parameters: readonly unknown[]): RunResult {
    const { raw, db } = this.#core;
    const before = raw.sqlite3_total_changes64(db);
    this.#begin(parameters);
    try {
      while (this.#step());
      const rowid = raw.sqlite3_last_insert_rowid(db);
      return {
        changes: raw.sqlite3_total_changes64(db) === before ? 0 : Number(raw.sqlite3_changes64(db)),
        lastInsertRowid: this.#columns.safeIntegers ? rowid : inNumber(rowid),
      };
    } finally {
      this.#end();
    }
  }

  *iterate(...parameters: readonly unknown[]): Generator<RowShape, void, undefined> {
    this.#begin(parameters);
    this.busy = true;
    this.database.iterating(1);
    try {
      if (!this.#step()) return;
      const row = this.#rowMaker();
      do yield row();
      while (this.#step());
    } finally {
      this.busy = false;
      this.database.iterating(-1);
      this.#end();
    }
  }

  bind(...parameters: readonly unknown[]): this {
    if (this.#isBound) throw new TypeError("The bind() method can only be invoked once");
    this.#checkIdle();
    this.#bindings.bind(parameters);
    this.#isBound = true;
    return this;
  }

  pluck(isOn = true): this {
    return this.#become("pluck", isOn);
  }

  raw(isOn = true): this {
    return this.#become("raw", isOn);
  }

  expand(isOn = true): this {
    return this.#become("expand", isOn);
  }

  safeIntegers(isOn = true): this {
    this.#checkIdle();
    this.#columns.safeIntegers = isOn;
    return this;
  }

  columns(): ColumnInfo[] {
    this.#checkIdle();
    if (!this.reader) throw new TypeError("The columns() method is only for statements with rows");
    return this.#columns.infos();
  }

  get names(): readonly string[] {
    return this.#columns.names;
  }

  finalize(): void {
    this.#core.raw.sqlite3_finalize(this.#pointer);
  }

  #become(shape: Shape, isOn: boolean): this {
    this.#checkIdle();
    if (isOn) this.#shape = shape;
    else if (this.#shape === shape) this.#shape = "rows";
    return this;
  }

  #begin(parameters: readonly unknown[]): void {
    this.#core.check();
    this.#checkIdle();
    if (!this.#isBound) this.#bindings.bind(parameters);
    else if (parameters.length > 0) throw new TypeError("This statement already has bound values");
  }

  #step(): boolean {
    const code = this.#core.raw.sqlite3_step(this.#pointer);
    if (code === SQLITE.ROW) return true;
    if (code === SQLITE.DONE) return false;
    throw this.#failure(code);
  }

  #end(): void {
    // What it returns is what the last step returned.
    if (this.#core.isOpen) this.#core.raw.sqlite3_reset(this.#pointer);
  }

  /** To be asked for after the first step, which may have compiled the statement anew. */
  #rowMaker(): () => RowShape {
    const columns = this.#columns;
    const { names } = columns;
    switch (this.#shape) {
      case "pluck":
        return () => columns.value(0);
      case "raw":
        return () => columns.values(names.length);
      case "expand": {
        const { tables } = columns;
        return () => columns.expanded(tables, names);
      }
      default:
        return () => columns.row(names);
    }
  }

  #checkIdle(): void {
    if (!this.busy) return;
    throw new TypeError("This statement is busy executing a query");
  }
}
