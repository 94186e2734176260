import { codeOfName } from "../between/result-codes.ts";
import { SqliteError } from "../between/sqlite-error.ts";
import type { ColumnInfo, SqlRow, SqlValue } from "../between/values.ts";
import {
  type NativeConnection,
  type NativeFunctionOptions,
  type NativeHandle,
  type NativeOpenOptions,
  type NativeRunResult,
  type OpenNative,
  splitValues,
} from "./native-handle.ts";
import type { SqlText } from "./sql-text.ts";
import type { AggregateOptions, UserFunction } from "./user-functions.ts";

/** What of better-sqlite3 is used (github.com/WiseLibs/better-sqlite3/blob/master/docs/api.md). */
interface BetterDatabase {
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string): BetterStatement;
  exec(sql: string): unknown;
  function(name: string, options: object, call: UserFunction): unknown;
  aggregate(name: string, options: object): unknown;
  unsafeMode(): unknown;
  close(): unknown;
}

interface BetterStatement {
  readonly reader: boolean;
  readonly readonly: boolean;
  raw(isOn: boolean): unknown;
  safeIntegers(): unknown;
  columns(): ColumnInfo[];
  get(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
  iterate(...values: readonly unknown[]): Iterator<unknown[]>;
  run(...values: readonly unknown[]): { changes: number; lastInsertRowid: bigint };
}

interface BetterSqlite3 {
  new (path: string, options: object): BetterDatabase;
  readonly SqliteError: new (...values: never[]) => Error & { readonly code: string };
}

/** @param module as `require` gives it. */
export function openerOfBetterSqlite3(module: unknown): OpenNative {
  const library = module as BetterSqlite3;
  return (options) => new BetterConnection(library, options);
}

class BetterConnection implements NativeConnection {
  readonly #library: BetterSqlite3;
  readonly #database: BetterDatabase;
  /** What a statement with rows does not tell. */
  readonly #last: BetterStatement;

  constructor(library: BetterSqlite3, { path, readonly }: NativeOpenOptions) {
    this.#library = library;
    const isFile = path !== ":memory:";
    try {
      this.#database = new library(path, isFile ? { readonly, fileMustExist: true } : {});
      // Otherwise nothing can be written while rows are being read.
      this.#database.unsafeMode();
      this.#last = this.#database.prepare("select total_changes(), changes(), last_insert_rowid()");
      this.#last.raw(true);
      this.#last.safeIntegers();
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare(sql: string, text: SqlText): NativeHandle {
    return new BetterHandle(this.#database.prepare(sql), text, this.#last);
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  function(name: string, options: NativeFunctionOptions, call: UserFunction): void {
    this.#database.function(name, { ...options, safeIntegers: true }, call);
  }

  aggregate(name: string, options: AggregateOptions): void {
    this.#database.aggregate(name, { ...options, safeIntegers: true });
  }

  argumentsOf(values: readonly SqlValue[], { parameters }: SqlText): readonly unknown[] {
    const { positional, named } = splitValues(values, parameters, (name) => name.slice(1));
    return named === undefined ? [positional] : [positional, named];
  }

  close(): void {
    this.#database.close();
  }

  errorOf(thrown: unknown): unknown {
    if (!(thrown instanceof this.#library.SqliteError)) return thrown;
    return new SqliteError(codeOfName(thrown.code), thrown.message);
  }
}

class BetterHandle implements NativeHandle {
  readonly reader: boolean;
  readonly readonly: boolean;
  readonly #statement: BetterStatement;
  readonly #last: BetterStatement;
  /** Whether it has other columns once the schema is another one. */
  readonly #mayChange: boolean;
  #names: readonly string[] | undefined;
  /** Whether an object has room for all columns, in their order. */
  #fitsObject = false;
  #isRaw = true;

  constructor(statement: BetterStatement, text: SqlText, last: BetterStatement) {
    this.reader = statement.reader;
    this.readonly = statement.readonly;
    this.#statement = statement;
    this.#last = last;
    this.#mayChange = text.hasStar;
    statement.safeIntegers();
    if (this.reader) statement.raw(true);
  }

  columns(): ColumnInfo[] {
    return this.#statement.columns();
  }

  get names(): readonly string[] {
    return this.#names ?? this.#learnNames();
  }

  get(values: readonly unknown[]): unknown[] | undefined {
    if (!this.reader) return void this.#statement.run(...values);
    if (this.#useObjects()) {
      const row = this.#statement.get(...values) as SqlRow | undefined;
      if (row === undefined || this.#knows(row)) return row && Object.values(row);
    }
    return this.#asArrays(() => this.#statement.get(...values)) as unknown[] | undefined;
  }

  all(values: readonly unknown[]): unknown[][] {
    if (!this.reader) {
      this.#statement.run(...values);
      return [];
    }
    if (this.#useObjects()) {
      const rows = this.#statement.all(...values) as SqlRow[];
      const [first] = rows;
      if (first === undefined || this.#knows(first)) return rows.map((row) => Object.values(row));
    }
    return this.#asArrays(() => this.#statement.all(...values)) as unknown[][];
  }

  iterate(values: readonly unknown[]): Iterator<unknown[]> {
    if (!this.reader) return this.all(values).values();
    return this.#asArrays(() => this.#statement.iterate(...values));
  }

  run(values: readonly unknown[]): NativeRunResult {
    if (!this.reader) return this.#statement.run(...values);
    const [before] = this.#last.get() as bigint[];
    this.#asArrays(() => this.#statement.all(...values));
    const [total, changes, lastInsertRowid] = this.#last.get() as [bigint, bigint, bigint];
    return { changes: total === before ? 0 : Number(changes), lastInsertRowid };
  }

  /**
   * Whether rows are to come as objects, whose keys say what the columns are now. To ask for the
   * columns each time would take half as long as a small query.
   */
  #useObjects(): boolean {
    if (!this.#mayChange || !this.readonly) return false;
    if (this.#names === undefined) this.#learnNames();
    if (!this.#fitsObject) return false;
    if (this.#isRaw) this.#statement.raw(false);
    this.#isRaw = false;
    return true;
  }

  #asArrays<Result>(run: () => Result): Result {
    if (!this.#isRaw) this.#statement.raw(true);
    this.#isRaw = true;
    const result = run();
    if (this.#mayChange) this.#names = undefined;
    return result;
  }

  #knows(row: SqlRow): boolean {
    const keys = Object.keys(row);
    const names = this.#names ?? [];
    return keys.length === names.length && keys.every((key, index) => key === names[index]);
  }

  #learnNames(): readonly string[] {
    const names = this.reader ? this.#statement.columns().map(({ name }) => name) : [];
    const object = Object.fromEntries(names.map((name) => [name, null]));
    this.#fitsObject = !names.includes("__proto__");
    this.#names = names;
    this.#fitsObject &&= this.#knows(object);
    return names;
  }
}
