/** The drivers of a native SQLite that can take over a database that is local. */
export type NativeDriverName = "better-sqlite3" | "node:sqlite";

/** One of them, as a thread loads it. */
export interface NativeDriver {
  readonly name: NativeDriverName;
  /** What its module is imported by. */
  readonly url: string;
}

/** What runs the SQL of a connection. */
export type DriverName = "wasm" | NativeDriverName;
