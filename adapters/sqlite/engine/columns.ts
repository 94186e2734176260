import type { ColumnInfo, SqlRow, SqlValue } from "../between/values.ts";
import type { Core } from "./core.ts";

/** SQLite's types of values (sqlite.org/c3ref/c_blob.html). */
const INTEGER = 1;
const FLOAT = 2;
const TEXT = 3;
const BLOB = 4;

/** How often a statement was compiled anew (sqlite.org/c3ref/c_stmtstatus_counter.html). */
const REPREPARE = 5;

/** The columns of one statement's rows. */
export class Columns {
  /** Integers are bigints, whatever their size. */
  safeIntegers = false;
  readonly #core: Core;
  readonly #statement: number;
  #names: readonly string[] = [];
  #prepared = -1;

  constructor(core: Core, statement: number) {
    this.#core = core;
    this.#statement = statement;
  }

  get count(): number {
    return this.#core.raw.sqlite3_column_count(this.#statement);
  }

  /** They change when the schema does, and the statement is compiled anew. */
  get names(): readonly string[] {
    const { raw, heap } = this.#core;
    const prepared = raw.sqlite3_stmt_status(this.#statement, REPREPARE, 0);
    if (prepared !== this.#prepared) {
      this.#prepared = prepared;
      this.#names = Array.from({ length: this.count }, (_, index) =>
        heap.zeroEnded(raw.sqlite3_column_name(this.#statement, index)),
      );
    }
    return this.#names;
  }

  /** @param names as `names` says after the first step. */
  row(names: readonly string[]): SqlRow {
    const row: SqlRow = {};
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index] as string;
      if (name === "__proto__") setOwn(row, name, this.value(index));
      else row[name] = this.value(index);
    }
    return row;
  }

  values(count: number): SqlValue[] {
    const values = new Array<SqlValue>(count);
    for (let index = 0; index < count; index += 1) values[index] = this.value(index);
    return values;
  }

  /** Rows in which each table has an object of its own, and expressions are under `$`. */
  expanded(tables: readonly string[], names: readonly string[]): Record<string, SqlRow> {
    const row: Record<string, SqlRow> = {};
    for (const [index, name] of names.entries()) {
      const table = tables[index] as string;
      row[table] ??= {};
      (row[table] as SqlRow)[name] = this.value(index);
    }
    return row;
  }

  get tables(): readonly string[] {
    return this.infos().map(({ table }) => table ?? "$");
  }

  infos(): ColumnInfo[] {
    const { raw, heap } = this.#core;
    const textOf = (pointer: number | undefined): string | null =>
      pointer === undefined || pointer === 0 ? null : heap.zeroEnded(pointer);
    return this.names.map((name, index) => ({
      name,
      column: textOf(raw.sqlite3_column_origin_name?.(this.#statement, index)),
      table: textOf(raw.sqlite3_column_table_name?.(this.#statement, index)),
      database: textOf(raw.sqlite3_column_database_name?.(this.#statement, index)),
      type: textOf(raw.sqlite3_column_decltype(this.#statement, index)),
    }));
  }

  value(index: number): SqlValue {
    const { raw, heap } = this.#core;
    const statement = this.#statement;
    switch (raw.sqlite3_column_type(statement, index)) {
      case INTEGER: {
        if (this.safeIntegers) return raw.sqlite3_column_int64(statement, index);
        // Rounded to a double it is safe exactly where it was before.
        const value = raw.sqlite3_column_double(statement, index);
        return Number.isSafeInteger(value) ? value : raw.sqlite3_column_int64(statement, index);
      }
      case FLOAT:
        return raw.sqlite3_column_double(statement, index);
      case TEXT: {
        const pointer = raw.sqlite3_column_text(statement, index);
        return heap.text(pointer, raw.sqlite3_column_bytes(statement, index));
      }
      case BLOB: {
        const pointer = raw.sqlite3_column_blob(statement, index);
        const length = raw.sqlite3_column_bytes(statement, index);
        const bytes = new Uint8Array(length);
        bytes.set(heap.bytes.subarray(pointer, pointer + length));
        return bytes;
      }
      default:
        return null;
    }
  }
}

/** An assignment would set what the row inherits from. */
function setOwn(row: SqlRow, name: string, value: SqlValue): void {
  Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });
}
