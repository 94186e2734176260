import type init from "@sqlite.org/sqlite-wasm";

type Pointer = number;

/** Its buffer is another one after each growth. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** The functions of SQLite's C interface that are called as they are (sqlite.org/c3ref). */
export interface RawSqlite {
  sqlite3_open_v2(path: Pointer, db: Pointer, flags: number, vfs: Pointer): number;
  sqlite3_close_v2(db: Pointer): number;
  sqlite3_extended_result_codes(db: Pointer, on: number): number;
  sqlite3_busy_timeout(db: Pointer, ms: number): number;
  sqlite3_errmsg(db: Pointer): Pointer;
  sqlite3_extended_errcode(db: Pointer): number;
  sqlite3_error_offset(db: Pointer): number;
  sqlite3_errstr(code: number): Pointer;
  sqlite3_changes64(db: Pointer): bigint;
  sqlite3_total_changes64(db: Pointer): bigint;
  sqlite3_last_insert_rowid(db: Pointer): bigint;
  sqlite3_get_autocommit(db: Pointer): number;
  sqlite3_txn_state(db: Pointer, schema: Pointer): number;
  sqlite3_progress_handler(db: Pointer, every: number, handler: Pointer, context: Pointer): void;
  sqlite3_prepare_v3(
    db: Pointer,
    sql: Pointer,
    length: number,
    flags: number,
    statement: Pointer,
    tail: Pointer,
  ): number;
  sqlite3_finalize(statement: Pointer): number;
  sqlite3_reset(statement: Pointer): number;
  sqlite3_step(statement: Pointer): number;
  sqlite3_clear_bindings(statement: Pointer): number;
  sqlite3_stmt_readonly(statement: Pointer): number;
  sqlite3_stmt_status(statement: Pointer, what: number, reset: number): number;
  sqlite3_expanded_sql(statement: Pointer): Pointer;
  sqlite3_bind_parameter_count(statement: Pointer): number;
  sqlite3_bind_parameter_name(statement: Pointer, index: number): Pointer;
  sqlite3_bind_null(statement: Pointer, index: number): number;
  sqlite3_bind_int(statement: Pointer, index: number, value: number): number;
  sqlite3_bind_int64(statement: Pointer, index: number, value: bigint): number;
  sqlite3_bind_double(statement: Pointer, index: number, value: number): number;
  sqlite3_bind_text(
    statement: Pointer,
    index: number,
    text: Pointer,
    length: number,
    free: Pointer,
  ): number;
  sqlite3_bind_blob(
    statement: Pointer,
    index: number,
    bytes: Pointer,
    length: number,
    free: Pointer,
  ): number;
  sqlite3_column_count(statement: Pointer): number;
  sqlite3_column_name(statement: Pointer, index: number): Pointer;
  sqlite3_column_decltype(statement: Pointer, index: number): Pointer;
  sqlite3_column_origin_name?(statement: Pointer, index: number): Pointer;
  sqlite3_column_table_name?(statement: Pointer, index: number): Pointer;
  sqlite3_column_database_name?(statement: Pointer, index: number): Pointer;
  sqlite3_column_type(statement: Pointer, index: number): number;
  sqlite3_column_double(statement: Pointer, index: number): number;
  sqlite3_column_int64(statement: Pointer, index: number): bigint;
  sqlite3_column_text(statement: Pointer, index: number): Pointer;
  sqlite3_column_blob(statement: Pointer, index: number): Pointer;
  sqlite3_column_bytes(statement: Pointer, index: number): number;
  sqlite3_create_function_v2(
    db: Pointer,
    name: Pointer,
    count: number,
    flags: number,
    context: Pointer,
    call: Pointer,
    step: Pointer,
    final: Pointer,
    destroy: Pointer,
  ): number;
  sqlite3_create_window_function(
    db: Pointer,
    name: Pointer,
    count: number,
    flags: number,
    context: Pointer,
    step: Pointer,
    final: Pointer,
    value: Pointer,
    inverse: Pointer,
    destroy: Pointer,
  ): number;
  sqlite3_free(pointer: Pointer): void;
}

/** SQLite's WebAssembly module, with what its own wrapping of it is used for. */
export type Sqlite = Awaited<ReturnType<typeof init>>;

let loading: Promise<Sqlite> | undefined;

/** Loads the module, once for each thread. */
export function loadSqlite(): Promise<Sqlite> {
  loading ??= import("@sqlite.org/sqlite-wasm").then((module) => module.default());
  return loading;
}

/** A struct of C in the module's memory, whose fields begin with `$`. */
export interface CStruct {
  readonly pointer: number;
  [field: `$${string}`]: number;
  dispose(): void;
}

type CStructClass = (new (
  pointer?: number,
) => CStruct) & {
  readonly structInfo: { readonly sizeof: number };
};

/** What is used of the package beside the functions of C; its types know the fields without `$`. */
export interface SqliteStructs {
  readonly sqlite3_io_methods: CStructClass;
  readonly sqlite3_vfs: CStructClass;
  readonly sqlite3_file: CStructClass;
  sqlite3_vfs_unregister(vfs: number): number;
}

export interface VfsInstaller {
  installVfs(options: {
    io?: { struct: CStruct; methods: object };
    vfs?: { struct: CStruct; methods: object; name: string };
  }): void;
}

export function structsOf(sqlite: Sqlite): SqliteStructs {
  return sqlite.capi as unknown as SqliteStructs;
}

export function installerOf(sqlite: Sqlite): VfsInstaller {
  return sqlite.vfs as unknown as VfsInstaller;
}

export function memoryOf(sqlite: Sqlite): WasmMemory {
  return (sqlite.wasm as unknown as { readonly memory: WasmMemory }).memory;
}

export function rawOf(sqlite: Sqlite): RawSqlite {
  return sqlite.wasm.exports as unknown as RawSqlite;
}
