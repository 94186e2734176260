import { rowOf } from "../between/rows.ts";
import type { ColumnInfo, RunResult, SqlRow, SqlValue } from "../between/values.ts";
import type { PreparedStatement, RowShape, Shape, StatementOwner } from "./driver.ts";
import { valuesByPlace } from "./given-values.ts";
import type { NativeConnection, NativeHandle } from "./native-handle.ts";
import { inNumber, ourValues } from "./native-values.ts";
import type { SqlText } from "./sql-text.ts";

export interface NativeStatementOptions {
  readonly connection: NativeConnection;
  readonly handle: NativeHandle;
  readonly source: string;
  readonly text: SqlText;
}

/** A statement of a native driver, with the values and errors of ours. */
export class NativeStatement implements PreparedStatement {
  readonly database: StatementOwner;
  readonly source: string;
  busy = false;
  readonly #connection: NativeConnection;
  readonly #handle: NativeHandle;
  readonly #text: SqlText;
  /** Without their prefixes; those with a number are among those without a name. */
  #shape: Shape = "rows";
  #safeIntegers = false;
  #bound: readonly unknown[] | undefined;

  constructor(database: StatementOwner, options: NativeStatementOptions) {
    this.database = database;
    this.source = options.source;
    this.#connection = options.connection;
    this.#handle = options.handle;
    this.#text = options.text;
  }

  get reader(): boolean {
    return this.#handle.reader;
  }

  get readonly(): boolean {
    return this.#handle.readonly;
  }

  get(...parameters: readonly unknown[]): RowShape | undefined {
    const values = this.#begin(parameters);
    try {
      const row = this.#handle.get(values);
      return row === undefined ? undefined : this.#rowMaker()(row);
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  all(...parameters: readonly unknown[]): RowShape[] {
    const values = this.#begin(parameters);
    try {
      const rows = this.#handle.all(values);
      return rows.length === 0 ? [] : rows.map(this.#rowMaker());
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  run(...parameters: readonly unknown[]): RunResult {
    const values = this.#begin(parameters);
    try {
      const { changes, lastInsertRowid: rowid } = this.#handle.run(values);
      return { changes, lastInsertRowid: this.#safeIntegers ? rowid : inNumber(rowid) };
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  *iterate(...parameters: readonly unknown[]): Generator<RowShape, void, undefined> {
    const values = this.#begin(parameters);
    const rows = this.#try(() => this.#handle.iterate(values));
    this.busy = true;
    this.database.iterating(1);
    try {
      let make: ((row: unknown[]) => RowShape) | undefined;
      while (true) {
        const { done, value } = this.#try(() => rows.next());
        if (done) return;
        make ??= this.#rowMaker();
        yield make(value);
      }
    } finally {
      rows.return?.();
      this.busy = false;
      this.database.iterating(-1);
    }
  }

  bind(...parameters: readonly unknown[]): this {
    if (this.#bound !== undefined) {
      throw new TypeError("The bind() method can only be invoked once");
    }
    this.#checkIdle();
    this.#bound = this.#arguments(parameters);
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
    this.#safeIntegers = isOn;
    return this;
  }

  columns(): ColumnInfo[] {
    this.#checkIdle();
    if (!this.reader) throw new TypeError("The columns() method is only for statements with rows");
    return this.#try(() => this.#handle.columns());
  }

  get names(): readonly string[] {
    return this.#handle.names;
  }

  /** The driver gives its memory back when nobody refers to it any more. */
  finalize(): void {}

  #become(shape: Shape, isOn: boolean): this {
    this.#checkIdle();
    if (isOn) this.#shape = shape;
    else if (this.#shape === shape) this.#shape = "rows";
    return this;
  }

  #begin(parameters: readonly unknown[]): readonly unknown[] {
    if (!this.#connection.isOpen) throw new TypeError("The database connection is not open");
    this.#checkIdle();
    if (this.#bound === undefined) return this.#arguments(parameters);
    if (parameters.length > 0) throw new TypeError("This statement already has bound values");
    return this.#bound;
  }

  #arguments(given: readonly unknown[]): readonly unknown[] {
    const { parameters } = this.#text;
    if (given.length === 0 && parameters.length === 0) return given;
    const values = valuesByPlace(given, parameters);
    return this.#connection.argumentsOf(values, this.#text);
  }

  /** To be asked for after the first row, before which the columns may have become others. */
  #rowMaker(): (row: unknown[]) => RowShape {
    const safeIntegers = this.#safeIntegers;
    const { names } = this.#handle;
    switch (this.#shape) {
      case "pluck":
        return (row) => ourValues(row, safeIntegers)[0] as SqlValue;
      case "raw":
        return (row) => ourValues(row, safeIntegers);
      case "expand": {
        const tables = this.#handle.columns().map(({ table }) => table ?? "$");
        return (row) => expanded(tables, names, ourValues(row, safeIntegers));
      }
      default:
        return (row) => rowOf(names, ourValues(row, safeIntegers));
    }
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  #checkIdle(): void {
    if (!this.busy) return;
    throw new TypeError("This statement is busy executing a query");
  }
}

function expanded(
  tables: readonly string[],
  names: readonly string[],
  values: readonly SqlValue[],
): Record<string, SqlRow> {
  const row: Record<string, SqlRow> = {};
  for (const [index, name] of names.entries()) {
    const table = tables[index] as string;
    row[table] ??= {};
    (row[table] as SqlRow)[name] = values[index] as SqlValue;
  }
  return row;
}
