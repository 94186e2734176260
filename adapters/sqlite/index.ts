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
export type { DatabaseHandle } from "./shared/clone-calls.ts";
export type { DriverName } from "./shared/native.ts";
export { SqliteError } from "./shared/sqlite-error.ts";
export type * from "./shared/values.ts";
export type { FunctionSource } from "./shared/work.ts";
export { Statement } from "./statement.ts";
