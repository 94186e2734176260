import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { NativeDriver, NativeDriverName } from "../between/native.ts";
import type { Driver, PreparedStatement, StatementOwner } from "./driver.ts";
import { openerOfBetterSqlite3 } from "./native-better-sqlite3.ts";
import { nativeAggregate, nativeFunction } from "./native-functions.ts";
import type { NativeConnection, OpenNative } from "./native-handle.ts";
import { openerOfNodeSqlite } from "./native-node-sqlite.ts";
import { NativeStatement } from "./native-statement.ts";
import { readSql } from "./sql-text.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

/** What a driver must give as it is. That of Node 22 does not. */
const PROBE = "select ?, typeof(?), 9007199254740993";
const LARGE_INTEGER = 9007199254740993n;

/** A database that is an ordinary file, opened by a native driver. */
export class NativeDatabase implements Driver {
  readonly name: NativeDriverName;
  readonly #connection: NativeConnection;

  private constructor(name: NativeDriverName, connection: NativeConnection) {
    this.name = name;
    this.#connection = connection;
  }

  /**
   * Opens a file that is there, of which it reads nothing before its first statement.
   *
   * @throws what loading the driver throws; {SqliteError} when the file cannot be opened.
   */
  static open(native: NativeDriver, path: string, readonly: boolean): NativeDatabase {
    const open = load(native);
    probe(native.name, open);
    return new NativeDatabase(native.name, open({ path, readonly }));
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  get inTransaction(): boolean {
    return this.#connection.inTransaction;
  }

  prepare(owner: StatementOwner, sql: string): PreparedStatement {
    this.#check();
    const text = readSql(sql);
    if (text.isEmpty) {
      throw new RangeError("The supplied SQL string contains no statements");
    }
    if (text.hasMore) {
      throw new RangeError("The supplied SQL string contains more than one statement");
    }
    const connection = this.#connection;
    const handle = this.#try(() => connection.prepare(sql, text));
    return new NativeStatement(owner, { connection, handle, source: sql, text });
  }

  exec(sql: string): void {
    this.#check();
    this.#try(() => this.#connection.exec(sql));
  }

  addFunction(name: string, call: UserFunction, options: FunctionOptions): void {
    this.#check();
    const { varargs = false, deterministic = false, directOnly = false } = options;
    const native = nativeFunction(call, options);
    this.#try(() =>
      this.#connection.function(name, { varargs, deterministic, directOnly }, native),
    );
  }

  addAggregate(name: string, options: AggregateOptions): void {
    this.#check();
    this.#try(() => this.#connection.aggregate(name, nativeAggregate(options)));
  }

  setBusyTimeout(ms: number): void {
    this.exec(`pragma busy_timeout = ${ms}`);
  }

  /** It keeps it: what another descriptor closes would take SQLite's locks away. */
  releaseFile(): void {}

  close(): void {
    if (this.isOpen) this.#connection.close();
  }

  #check(): void {
    if (!this.isOpen) throw new TypeError("The database connection is not open");
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }
}

const OPENERS: Readonly<Record<NativeDriverName, (module: unknown) => OpenNative>> = {
  "better-sqlite3": openerOfBetterSqlite3,
  "node:sqlite": openerOfNodeSqlite,
};

function load({ name, url }: NativeDriver): OpenNative {
  const path = url.startsWith("file:") ? fileURLToPath(url) : url;
  return OPENERS[name](withoutExperimentalWarning(() => createRequire(import.meta.url)(path)));
}

/** @throws what says that the driver does not work here. */
function probe(name: NativeDriverName, open: OpenNative): void {
  const connection = open({ path: ":memory:", readonly: false });
  try {
    const text = readSql(PROBE);
    const values = connection.argumentsOf(["a\0b", 5n], text);
    const [first, type, integer] = connection.prepare(PROBE, text).get(values) ?? [];
    if (first !== "a\0b") throw new Error(`${name} cuts texts at a zero`);
    if (type !== "integer" || integer !== LARGE_INTEGER) {
      throw new Error(`${name} does not keep integers`);
    }
  } finally {
    connection.close();
  }
}

/** It would be one at a moment that the user knows nothing of. */
function withoutExperimentalWarning<Result>(work: () => Result): Result {
  const { emitWarning } = process;
  process.emitWarning = (...given: unknown[]) => {
    const isExperimental = given.includes("ExperimentalWarning");
    if (!isExperimental) Reflect.apply(emitWarning, process, given);
  };
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
