export type { DatabaseHandle } from "./between/clone-calls.ts";
export type { DriverName } from "./between/native.ts";
export { SqliteError } from "./between/sqlite-error.ts";
export type * from "./between/values.ts";
export type { FunctionSource } from "./between/work.ts";
export { loadSqlite } from "./connection-thread.ts";
export {
  Database,
  type DatabaseStatus,
  type DatabaseTransaction,
  type TransactionOptions,
} from "./database.ts";
export { type ConnectionOptions, DatabaseSync } from "./engine/database-sync.ts";
export { type RowShape, StatementSync } from "./engine/statement-sync.ts";
export type { Transaction } from "./engine/transaction.ts";
export type { AggregateOptions, FunctionOptions, UserFunction } from "./engine/user-functions.ts";
export type {
  NamedHydrationOptions,
  NamedProgress,
  TableHydrationOptions,
} from "./named-hydration.ts";
export type { NativeOption } from "./native-drivers.ts";
export { type OpenDatabaseOptions, openDatabase } from "./open.ts";
export { Statement } from "./statement.ts";
