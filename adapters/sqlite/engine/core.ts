import type { Interruption } from "../between/interruption.ts";
import { SQLITE } from "../between/result-codes.ts";
import { SqliteError } from "../between/sqlite-error.ts";
import { Heap } from "./heap.ts";
import { type RawSqlite, rawOf, type Sqlite } from "./raw.ts";
import { OPEN, Vfs } from "./vfs.ts";
import type { VfsFiles } from "./vfs-file.ts";

/** Operations of SQLite's machine after which it is looked whether they are to end. */
const OPERATIONS_BETWEEN_LOOKS = 2000;

export interface CoreOptions {
  readonly sqlite: Sqlite;
  readonly files: VfsFiles;
  readonly path: string;
  readonly writable: boolean;
  readonly interruption: Interruption;
}

/** An open database: what its statements and itself have in common. */
export class Core {
  readonly sqlite: Sqlite;
  readonly raw: RawSqlite;
  readonly heap: Heap;
  /** The pointer to the connection. 0 once it is closed. */
  db = 0;
  readonly #vfs: Vfs;
  readonly #interruption: Interruption;
  readonly #handler: number;

  /** @throws {SqliteError} when the database cannot be opened. */
  constructor(options: CoreOptions) {
    const { sqlite, files, path, writable, interruption } = options;
    this.sqlite = sqlite;
    this.raw = rawOf(sqlite);
    this.heap = new Heap(sqlite);
    this.#interruption = interruption;
    this.#vfs = new Vfs(sqlite, this.heap, files);
    this.#handler = sqlite.wasm.installFunction("i(p)", () => Number(interruption.isSet)) as number;
    try {
      this.#open(path, writable);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.db !== 0;
  }

  /** After every statement is finalized. A second call is harmless. */
  close(): void {
    if (this.db !== 0) this.raw.sqlite3_close_v2(this.db);
    this.db = 0;
    this.#vfs.dispose();
    this.sqlite.wasm.uninstallFunction(this.#handler);
  }

  /** @throws {TypeError} when it is closed. */
  check(): void {
    if (this.db === 0) throw new TypeError("The database connection is not open");
  }

  /** The error that SQLite has just reported, with its cause where a page could not be had. */
  error(code: number): SqliteError {
    const { raw, heap, db } = this;
    const cause = this.#vfs.takeFailure(code);
    // It was waiting for a lock, and SQLite has no other word for not getting it.
    if ((code & 0xff) === SQLITE.BUSY && this.#interruption.isSet) {
      return new SqliteError(
        SQLITE.INTERRUPT,
        heap.zeroEnded(raw.sqlite3_errstr(SQLITE.INTERRUPT)),
      );
    }
    const isOfConnection = db !== 0 && (raw.sqlite3_extended_errcode(db) & 0xff) === (code & 0xff);
    const text = heap.zeroEnded(isOfConnection ? raw.sqlite3_errmsg(db) : raw.sqlite3_errstr(code));
    const extended = isOfConnection ? raw.sqlite3_extended_errcode(db) : code;
    const offset = isOfConnection ? raw.sqlite3_error_offset(db) : -1;
    const sqlOffset = offset < 0 ? undefined : offset;
    if (!(cause instanceof Error)) return new SqliteError(extended, text, { sqlOffset });
    return new SqliteError(extended, `${text}: ${cause.message}`, { cause, sqlOffset });
  }

  /** @throws {SqliteError} when the code says that something failed. */
  ok(code: number): void {
    if (code !== SQLITE.OK) throw this.error(code);
  }

  #open(path: string, writable: boolean): void {
    const { raw, heap } = this;
    const target = heap.allocate(4);
    const name = heap.allocateText(path);
    const vfs = heap.allocateText(this.#vfs.name);
    try {
      const flags = writable ? OPEN.READWRITE : OPEN.READONLY;
      const code = raw.sqlite3_open_v2(name, target, flags, vfs);
      this.db = heap.uint32(target);
      if (code !== SQLITE.OK) throw this.error(code);
      raw.sqlite3_extended_result_codes(this.db, 1);
      raw.sqlite3_progress_handler(this.db, OPERATIONS_BETWEEN_LOOKS, this.#handler, 0);
    } finally {
      for (const pointer of [target, name, vfs]) heap.free(pointer);
    }
  }
}
