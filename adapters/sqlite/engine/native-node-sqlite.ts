import { SqliteError } from "../between/sqlite-error.ts";
import type { ColumnInfo, SqlValue } from "../between/values.ts";
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

/** What of Node's own driver is used (nodejs.org/api/sqlite.html). */
interface NodeDatabase {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  prepare(sql: string): NodeStatement;
  exec(sql: string): void;
  function(name: string, options: object, call: UserFunction): void;
  aggregate(name: string, options: object): void;
  close(): void;
}

interface NodeStatement {
  setReturnArrays(isOn: boolean): void;
  setReadBigInts(isOn: boolean): void;
  columns(): ColumnInfo[];
  get(...values: readonly unknown[]): unknown[] | undefined;
  all(...values: readonly unknown[]): unknown[][];
  iterate(...values: readonly unknown[]): Iterator<unknown[]>;
  run(...values: readonly unknown[]): { changes: bigint; lastInsertRowid: bigint };
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: object) => NodeDatabase;
}

interface NodeSqliteError extends Error {
  readonly code?: string;
  readonly errcode?: number;
}

/** @param module as `require` gives it. */
export function openerOfNodeSqlite(module: unknown): OpenNative {
  return (options) => new NodeConnection(module as NodeSqlite, options);
}

class NodeConnection implements NativeConnection {
  readonly #database: NodeDatabase;
  /** What a statement with rows does not tell. */
  readonly #last: NodeStatement;

  constructor({ DatabaseSync }: NodeSqlite, { path, readonly }: NativeOpenOptions) {
    try {
      this.#database = new DatabaseSync(path, { readOnly: readonly, defensive: false });
      this.#last = this.#database.prepare("select total_changes(), changes(), last_insert_rowid()");
      prepareForValues(this.#last);
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  get isOpen(): boolean {
    return this.#database.isOpen;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  prepare(sql: string, text: SqlText): NativeHandle {
    return new NodeHandle(this.#database.prepare(sql), text, this.#last);
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  function(name: string, options: NativeFunctionOptions, call: UserFunction): void {
    this.#database.function(name, { ...options, useBigIntArguments: true }, call);
  }

  aggregate(name: string, options: AggregateOptions): void {
    this.#database.aggregate(name, { ...options, useBigIntArguments: true });
  }

  argumentsOf(values: readonly SqlValue[], { parameters }: SqlText): readonly unknown[] {
    // Those with a number are among those without a name here.
    const names = parameters.map((name) => (name?.startsWith("?") ? null : name));
    const { positional, named } = splitValues(values, names, (name) => name);
    return named === undefined ? positional : [named, ...positional];
  }

  close(): void {
    this.#database.close();
  }

  errorOf(thrown: unknown): unknown {
    const { code, errcode, message } = (thrown ?? {}) as NodeSqliteError;
    const isOurs = code === "ERR_SQLITE_ERROR" && errcode !== undefined;
    return isOurs ? new SqliteError(errcode, message) : thrown;
  }
}

const CHANGING: ReadonlySet<string> = new Set(["insert", "replace", "update", "delete"]);
const LOOKING: ReadonlySet<string> = new Set(["select", "values", "with", "explain", "pragma"]);

class NodeHandle implements NativeHandle {
  readonly reader: boolean;
  readonly readonly: boolean;
  readonly #statement: NodeStatement;
  readonly #last: NodeStatement;
  readonly #text: SqlText;
  #names: readonly string[] | undefined;

  constructor(statement: NodeStatement, text: SqlText, last: NodeStatement) {
    const { firstWord, words } = text;
    this.#statement = statement;
    this.#last = last;
    this.#text = text;
    this.reader = statement.columns().length > 0;
    // It does not tell. A function `replace` of a common table expression is taken for a change.
    const changes = firstWord === "with" && [...CHANGING].some((word) => words.has(word));
    this.readonly = this.reader && LOOKING.has(firstWord) && !changes;
    prepareForValues(statement);
  }

  columns(): ColumnInfo[] {
    return this.#statement
      .columns()
      .map(({ name, column, table, database, type }) => ({ name, column, table, database, type }));
  }

  get names(): readonly string[] {
    this.#names ??= this.#statement.columns().map(({ name }) => name);
    return this.#names;
  }

  get(values: readonly unknown[]): unknown[] | undefined {
    if (!this.reader) return void this.#statement.run(...values);
    const row = this.#statement.get(...values);
    return this.#isWhole(row) ? row : this.#statement.get(...values);
  }

  all(values: readonly unknown[]): unknown[][] {
    if (!this.reader) {
      this.#statement.run(...values);
      return [];
    }
    const rows = this.#statement.all(...values);
    return this.#isWhole(rows[0]) ? rows : this.#statement.all(...values);
  }

  iterate(values: readonly unknown[]): Iterator<unknown[]> {
    if (!this.reader) return this.all(values).values();
    return this.#rows(values);
  }

  run(values: readonly unknown[]): NativeRunResult {
    const { firstWord } = this.#text;
    const isChange = CHANGING.has(firstWord) || firstWord === "with";
    if (!this.reader && isChange) {
      const { changes, lastInsertRowid } = this.#statement.run(...values);
      return { changes: Number(changes), lastInsertRowid };
    }
    const [before] = this.#last.get() as bigint[];
    // With rows `run` would take one step only.
    if (this.reader) this.#statement.all(...values);
    else this.#statement.run(...values);
    const [total, changes, lastInsertRowid] = this.#last.get() as [bigint, bigint, bigint];
    return { changes: total === before ? 0 : Number(changes), lastInsertRowid };
  }

  *#rows(values: readonly unknown[]): Generator<unknown[], void, undefined> {
    let rows = this.#statement.iterate(...values);
    try {
      let { done, value } = rows.next();
      if (!done && !this.#isWhole(value)) {
        rows.return?.();
        rows = this.#statement.iterate(...values);
        ({ done, value } = rows.next());
      }
      for (; !done; { done, value } = rows.next()) yield value;
    } finally {
      rows.return?.();
    }
  }

  /**
   * Whether a row has all columns, which are others once the schema is another one. Node 22 then
   * gives as many as there were before, once.
   */
  #isWhole(row: unknown[] | undefined): boolean {
    if (!this.#text.hasStar) return true;
    this.#names = undefined;
    return row === undefined || !this.readonly || row.length === this.names.length;
  }
}

function prepareForValues(statement: NodeStatement): void {
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
}
