import { HeadwaterError } from "../../../lib/errors.ts";
import { SQLITE } from "../between/result-codes.ts";
import { SqliteError } from "../between/sqlite-error.ts";
import type { SqlParameters, SqlValue } from "../between/values.ts";
import type { FunctionSource, Rows, StatementName, Work, WorkResult } from "../between/work.ts";
import type { DatabaseSync } from "./database-sync.ts";
import type { StatementSync } from "./statement-sync.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

/** Rows of an iteration that are sent at once: as many, or as many values, at most. */
const BATCH_ROWS = 256;
const BATCH_VALUES = 4096;

/** What nobody interrupts. */
const ALWAYS_DONE: ReadonlySet<Work["kind"]> = new Set(["release", "leave", "close", "settle"]);

interface Prepared {
  readonly statement: StatementSync;
  /** The names that the caller knows. */
  names: readonly string[] | undefined;
}

interface Iteration {
  readonly prepared: Prepared;
  readonly rows: Iterator<SqlValue[]>;
}

/** Does the work of a connection on its database. */
export class WorkHandler {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<number, Prepared>();
  readonly #iterations = new Map<number, Iteration>();
  #lastIteration = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get database(): DatabaseSync {
    return this.#database;
  }

  /** What is done next has this number, by which it can be interrupted. */
  begin(id: number): void {
    this.#database.interruption.current = id;
  }

  /** A promise only where a module has to be imported first. */
  run(work: Work): WorkResult | Promise<WorkResult> {
    // What is short runs without ever looking.
    if (!ALWAYS_DONE.has(work.kind) && this.#database.interruption.isSet) {
      throw new SqliteError(SQLITE.INTERRUPT, "interrupted");
    }
    switch (work.kind) {
      case "get":
        return this.#get(work.statement, work.parameters);
      case "all":
        return this.#all(work.statement, work.parameters);
      case "run":
        return this.#statement(work.statement).statement.run(...given(work.parameters));
      case "iterate":
        return this.#iterate(work.statement, work.parameters);
      case "next":
        return this.#next(work.iteration);
      case "leave":
        return this.#leave(work.iteration);
      case "columns":
        return this.#statement(work.statement).statement.columns();
      case "release":
        return this.#release(work.numbers);
      case "exec":
        this.#database.exec(work.sql);
        return undefined;
      case "pragma":
        return this.#pragma(work.source);
      case "function":
      case "aggregate":
        return this.#addFunction(work);
      case "backup":
        return this.#backup(work.path);
      case "settle":
        this.#database.settle();
        return undefined;
      case "close":
        return this.#close();
    }
  }

  #get(name: StatementName, parameters: SqlParameters): Rows {
    const prepared = this.#statement(name);
    const row = prepared.statement.get(...given(parameters)) as SqlValue[] | undefined;
    return this.#rows(prepared, row === undefined ? [] : [row]);
  }

  #all(name: StatementName, parameters: SqlParameters): Rows {
    const prepared = this.#statement(name);
    const rows = prepared.statement.all(...given(parameters)) as SqlValue[][];
    return this.#rows(prepared, rows);
  }

  #iterate(name: StatementName, parameters: SqlParameters): Rows {
    const prepared = this.#statement(name);
    const rows = prepared.statement.iterate(...given(parameters)) as Iterator<SqlValue[]>;
    this.#lastIteration += 1;
    this.#iterations.set(this.#lastIteration, { prepared, rows });
    return this.#next(this.#lastIteration);
  }

  #next(number: number): Rows {
    const iteration = this.#iterations.get(number);
    if (iteration === undefined) throw new HeadwaterError("CLOSED", "the iteration has ended");
    const { prepared, rows } = iteration;
    const batch: SqlValue[][] = [];
    let values = 0;
    try {
      while (batch.length < BATCH_ROWS && values < BATCH_VALUES) {
        const { done, value } = rows.next();
        if (done) {
          this.#over(number);
          return { ...this.#rows(prepared, batch), isOpen: false, iteration: number };
        }
        batch.push(value);
        values += value.length;
      }
    } catch (error) {
      this.#over(number);
      throw error;
    }
    return { ...this.#rows(prepared, batch), isOpen: true, iteration: number };
  }

  #leave(number: number): undefined {
    this.#iterations.get(number)?.rows.return?.();
    this.#over(number);
  }

  #over(number: number): void {
    const prepared = this.#iterations.get(number)?.prepared;
    this.#iterations.delete(number);
    // Another one of the same SQL has taken its place, or it was released meanwhile.
    const isKnown = [...this.#prepared.values()].some((known) => known === prepared);
    if (prepared !== undefined && !isKnown) this.#database.release(prepared.statement);
  }

  #release(numbers: readonly number[]): undefined {
    for (const number of numbers) {
      const prepared = this.#prepared.get(number);
      this.#prepared.delete(number);
      if (prepared?.statement.busy === false) this.#database.release(prepared.statement);
    }
  }

  #pragma(source: string): Rows {
    const statement = this.#database.prepare(`PRAGMA ${source}`);
    try {
      if (statement.reader) {
        const rows = statement.raw().all() as SqlValue[][];
        return { names: statement.names, rows };
      }
      statement.run();
      return { names: [], rows: [] };
    } finally {
      this.#database.release(statement);
    }
  }

  async #addFunction(work: Work & { readonly kind: "function" | "aggregate" }): Promise<undefined> {
    const found = await imported(work.source);
    if (work.kind === "function") {
      if (typeof found !== "function") throw new TypeError(`${work.name} is not a function`);
      this.#database.function(work.name, work.options as FunctionOptions, found as UserFunction);
    } else {
      const aggregate = { ...(found as AggregateOptions), ...(work.options as object) };
      if (typeof aggregate.step !== "function") throw new TypeError(`${work.name} has no step`);
      this.#database.aggregate(work.name, aggregate);
    }
  }

  #backup(path: string): undefined {
    const statement = this.#database.prepare("VACUUM INTO ?");
    try {
      statement.run(path);
    } finally {
      this.#database.release(statement);
    }
  }

  #close(): undefined {
    for (const number of [...this.#iterations.keys()]) this.#leave(number);
    if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
    this.#database.close();
  }

  #statement({ number, sql }: StatementName): Prepared {
    const known = this.#prepared.get(number);
    if (known !== undefined && !known.statement.busy) return known;
    const statement = this.#database.prepare(sql);
    const prepared = {
      statement: statement.reader ? statement.raw() : statement,
      names: undefined,
    };
    // While it is iterated over, the same SQL is another statement, which the next call takes over.
    this.#prepared.set(number, prepared);
    return prepared;
  }

  #rows(prepared: Prepared, rows: readonly SqlValue[][]): Rows {
    const { names } = prepared.statement;
    if (names === prepared.names) return { names: undefined, rows };
    prepared.names = names;
    return { names, rows };
  }
}

function given(parameters: SqlParameters): readonly unknown[] {
  return Array.isArray(parameters) ? parameters : [parameters];
}

async function imported({ url, export: name = "default" }: FunctionSource): Promise<unknown> {
  const module = (await import(url)) as Readonly<Record<string, unknown>>;
  if (!Object.hasOwn(module, name)) throw new TypeError(`${url} exports no ${name}`);
  return module[name];
}
