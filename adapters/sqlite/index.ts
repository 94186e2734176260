export { loadSqlite } from "./connection-thread.ts";
export { Database, type DatabaseTransaction, type TransactionOptions } from "./database.ts";
export { type ConnectionOptions, DatabaseSync } from "./engine/database-sync.ts";
export { type RowShape, StatementSync } from "./engine/statement-sync.ts";
export type { Transaction } from "./engine/transaction.ts";
export type { AggregateOptions, FunctionOptions, UserFunction } from "./engine/user-functions.ts";
export type {
  NamedHydrationOptions,
  NamedProgress,
  TableHydrationOptions,
} from "./named-hydration.ts";
export { type OpenDatabaseOptions, openDatabase } from "./open.ts";
export type { DatabaseHandle } from "./shared/clone-calls.ts";
export { SqliteError } from "./shared/sqlite-error.ts";
export type * from "./shared/values.ts";
export type { FunctionSource } from "./shared/work.ts";
export { Statement } from "./statement.ts";
