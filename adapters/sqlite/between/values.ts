/** What a column holds: an integer that a double cannot hold exactly is a bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/**
 * A number is a real one for SQL, which matters where no column makes an integer of it, as in
 * `typeof(?)` or `? / 2`; a bigint is an integer. So it is with better-sqlite3 and node:sqlite. A
 * boolean is the integer 1 or 0.
 */
export type SqlParameter = SqlValue | undefined | boolean;

/** By name, without the `:`, `@` or `$` before it. */
export type NamedParameters = Readonly<Record<string, SqlParameter>>;

export type SqlParameters = readonly SqlParameter[] | NamedParameters;

export type SqlRow = Record<string, SqlValue>;

/** Rows of one result, as arrays in the order of its columns. */
export interface RowBatch {
  /** Two columns may have the same name. */
  readonly names: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

export interface RunResult {
  /** Rows that the statement itself inserted, updated or deleted. */
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

/** A column of a result (sqlite.org/c3ref/column_database_name.html). */
export interface ColumnInfo {
  readonly name: string;
  /** The column, table and database that it is of; null for an expression. */
  readonly column: string | null;
  readonly table: string | null;
  readonly database: string | null;
  /** As it was declared; null for an expression, and where it was not. */
  readonly type: string | null;
}
