import type { DriverName } from "../between/native.ts";
import type { ColumnInfo, RunResult, SqlRow, SqlValue } from "../between/values.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

/** How the rows of a statement look. */
export type Shape = "rows" | "pluck" | "raw" | "expand";

/** What a row of any of the shapes is. */
export type RowShape = SqlRow | SqlValue | SqlValue[] | Record<string, SqlRow>;

/** The database that a statement is of. */
export interface StatementOwner {
  readonly name: string;
  readonly inTransaction: boolean;
  /** Counts iterations, while which it cannot be closed. */
  iterating(change: 1 | -1): void;
}

/** A statement in the shape of better-sqlite3's, whichever driver runs it. */
export interface PreparedStatement {
  readonly database: StatementOwner;
  /** The SQL as it was given. */
  readonly source: string;
  /** Whether it returns rows. */
  readonly reader: boolean;
  /** Whether it leaves the database as it is. */
  readonly readonly: boolean;
  /** Whether an iteration of it is under way. */
  readonly busy: boolean;
  /** The first row, or undefined. */
  get(...parameters: readonly unknown[]): RowShape | undefined;
  all(...parameters: readonly unknown[]): RowShape[];
  /** Runs it to its end, and forgets its rows. */
  run(...parameters: readonly unknown[]): RunResult;
  /** The rows one by one. Leaving it early ends the statement. */
  iterate(...parameters: readonly unknown[]): Generator<RowShape, void, undefined>;
  /** Binds for good: from then on no other parameters are taken. */
  bind(...parameters: readonly unknown[]): this;
  /** The first column only. */
  pluck(isOn?: boolean): this;
  /** Rows as arrays. */
  raw(isOn?: boolean): this;
  /** Rows with an object for each table. */
  expand(isOn?: boolean): this;
  /** Whether integers are bigints, whatever their size. Otherwise only those are that must be. */
  safeIntegers(isOn?: boolean): this;
  columns(): ColumnInfo[];
  /** Of its columns, as of its last execution. */
  readonly names: readonly string[];
  /** Gives its memory back. Nothing else can be done with it then. */
  finalize(): void;
}

/** An open database of one connection, as a driver has it. */
export interface Driver {
  readonly name: DriverName;
  readonly isOpen: boolean;
  /** Only while it is open. */
  readonly inTransaction: boolean;
  /**
   * @throws {SqliteError} for SQL that cannot be compiled.
   * @throws {RangeError} for no statement, or more than one.
   */
  prepare(owner: StatementOwner, sql: string): PreparedStatement;
  /** Runs all statements of a text, and forgets their rows. */
  exec(sql: string): void;
  addFunction(name: string, call: UserFunction, options: FunctionOptions): void;
  addAggregate(name: string, options: AggregateOptions): void;
  setBusyTimeout(ms: number): void;
  /** Lets go of the file until it is read again. Not in a transaction. */
  releaseFile(): void;
  /** After every statement is finalized. A second call is harmless. */
  close(): void;
}
