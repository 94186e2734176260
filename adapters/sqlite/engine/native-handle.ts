import type { ColumnInfo, SqlRow, SqlValue } from "../between/values.ts";
import type { SqlText } from "./sql-text.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

/** A compiled statement of a native driver. Rows are arrays whose integers are bigints. */
export interface NativeHandle {
  readonly reader: boolean;
  readonly readonly: boolean;
  columns(): ColumnInfo[];
  /** Of its columns, as of its last execution. */
  readonly names: readonly string[];
  get(values: readonly unknown[]): unknown[] | undefined;
  all(values: readonly unknown[]): unknown[][];
  iterate(values: readonly unknown[]): Iterator<unknown[]>;
  run(values: readonly unknown[]): NativeRunResult;
}

export interface NativeRunResult {
  readonly changes: number;
  readonly lastInsertRowid: bigint;
}

/** What `FunctionOptions` say beside the kind of integers: those are bigints. */
export type NativeFunctionOptions = Omit<FunctionOptions, "safeIntegers">;

/** An open connection of a native driver, with what all of them have. */
export interface NativeConnection {
  readonly isOpen: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string, text: SqlText): NativeHandle;
  exec(sql: string): void;
  function(name: string, options: NativeFunctionOptions, call: UserFunction): void;
  aggregate(name: string, options: AggregateOptions): void;
  /** What it is given for the parameters: values in the order of their places. */
  argumentsOf(values: readonly SqlValue[], text: SqlText): readonly unknown[];
  close(): void;
  /** What it threw, as one of our errors. */
  errorOf(thrown: unknown): unknown;
}

export interface NativeOpenOptions {
  readonly path: string;
  readonly readonly: boolean;
}

/** Opens a database that exists, or ":memory:". */
export type OpenNative = (options: NativeOpenOptions) => NativeConnection;

/**
 * The values for parameters without a name in one list, and those with one by name.
 *
 * @param keyOf what a driver calls a parameter whose name, with its prefix, this is.
 */
export function splitValues(
  values: readonly SqlValue[],
  names: readonly (string | null)[],
  keyOf: (name: string) => string,
): { positional: readonly SqlValue[]; named: SqlRow | undefined } {
  if (names.every((name) => name === null)) return { positional: values, named: undefined };
  const positional: SqlValue[] = [];
  const named: SqlRow = {};
  for (const [index, name] of names.entries()) {
    const value = values[index] as SqlValue;
    if (name === null) positional.push(value);
    else named[keyOf(name)] = value;
  }
  return { positional, named };
}
