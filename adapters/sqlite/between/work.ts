import type { DatabaseHandle } from "./clone-calls.ts";
import type { DriverName } from "./native.ts";
import type { ErrorMessage } from "./sqlite-error.ts";
import type { ColumnInfo, RunResult, SqlParameters, SqlValue } from "./values.ts";

/** A statement, by the number that the caller has given it. */
export interface StatementName {
  readonly number: number;
  readonly sql: string;
}

/** A function in a module, which the connection's thread imports. */
export interface FunctionSource {
  /** Of the module. */
  readonly url: string;
  /** The name of what it exports. Default "default". */
  readonly export?: string;
}

/** What a connection's thread is told to do, one after the other. */
export type Work =
  | ({ readonly kind: "get" | "all" | "run"; readonly statement: StatementName } & Given)
  | ({ readonly kind: "iterate"; readonly statement: StatementName } & Given)
  | { readonly kind: "next" | "leave"; readonly iteration: number }
  | { readonly kind: "columns"; readonly statement: StatementName }
  | { readonly kind: "release"; readonly numbers: readonly number[] }
  | { readonly kind: "exec"; readonly sql: string }
  | { readonly kind: "pragma"; readonly source: string }
  | {
      readonly kind: "function" | "aggregate";
      readonly name: string;
      readonly source: FunctionSource;
      readonly options: object;
    }
  | { readonly kind: "backup"; readonly path: string }
  /** Nothing, but that another driver can take over. */
  | { readonly kind: "settle" }
  | { readonly kind: "close" };

interface Given {
  readonly parameters: SqlParameters;
}

/** Rows, with the names of their columns where these are new to the caller. */
export interface Rows {
  readonly names: readonly string[] | undefined;
  readonly rows: readonly (readonly SqlValue[])[];
  /** Whether more may follow. */
  readonly isOpen?: boolean;
  readonly iteration?: number;
}

export type WorkResult = Rows | RunResult | readonly ColumnInfo[] | undefined;

/** Sent with each result: a transaction may be open after it. */
export interface WorkDone {
  readonly id: number;
  readonly result: WorkResult;
  readonly error: ErrorMessage | undefined;
  readonly inTransaction: boolean;
  /** Undefined where there is no connection. */
  readonly driver: DriverName | undefined;
  /** Why no native driver took over, where one should have. */
  readonly driverFailure: ErrorMessage | undefined;
}

export interface WorkOrder {
  readonly id: number;
  readonly work: Work;
}

/** What the thread of a connection is started with. */
export interface ConnectionStart {
  readonly handle: DatabaseHandle;
  /** How long a locked database is waited for, in milliseconds. */
  readonly busyTimeoutMs: number;
}
