import type { CallOptions } from "../../lib/index.ts";
import type { ColumnInfo, RowBatch, RunResult, SqlParameters, SqlRow } from "./between/values.ts";

/** What runs SQL, with the parameters that a statement is given. */
export interface StatementRunner {
  get(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow | undefined>;
  all(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow[]>;
  run(sql: string, parameters?: SqlParameters, options?: CallOptions): Promise<RunResult>;
  iterate(
    sql: string,
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<SqlRow, void, undefined>;
  iterateBatches(
    sql: string,
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<RowBatch, void, undefined>;
  columns(sql: string, options?: CallOptions): Promise<readonly ColumnInfo[]>;
}

/** A statement of a database, prepared when it is first used, and kept by its connection. */
export class Statement {
  readonly sql: string;
  readonly #runner: StatementRunner;

  constructor(runner: StatementRunner, sql: string) {
    this.#runner = runner;
    this.sql = sql;
  }

  /** The first row, or undefined. */
  get(parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow | undefined> {
    return this.#runner.get(this.sql, parameters, options);
  }

  all(parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow[]> {
    return this.#runner.all(this.sql, parameters, options);
  }

  /** Runs it to its end, and forgets its rows. */
  run(parameters?: SqlParameters, options?: CallOptions): Promise<RunResult> {
    return this.#runner.run(this.sql, parameters, options);
  }

  /** The rows as they are wanted. Leaving it early ends the statement. */
  iterate(
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<SqlRow, void, undefined> {
    return this.#runner.iterate(this.sql, parameters, options);
  }

  /**
   * The same rows as arrays, some hundreds at a time, with the names of their columns, of which two
   * may be the same. At least one batch comes, with or without rows.
   */
  iterateBatches(
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<RowBatch, void, undefined> {
    return this.#runner.iterateBatches(this.sql, parameters, options);
  }

  columns(options?: CallOptions): Promise<readonly ColumnInfo[]> {
    return this.#runner.columns(this.sql, options);
  }
}
