import type { CallOptions } from "../../lib/index.ts";
import { rowOf } from "./between/rows.ts";
import type { ColumnInfo, RowBatch, RunResult, SqlParameters, SqlRow } from "./between/values.ts";
import type { Rows, Work, WorkResult } from "./between/work.ts";
import type { Connection } from "./connection.ts";
import { Statement } from "./statement.ts";

const NONE: SqlParameters = [];

/** Lets work through when it may be done: not into somebody's transaction. */
export type Gate = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Statements on one connection: all that a database and a transaction have in common. */
export class Session {
  readonly #connection: Connection;
  readonly #gate: Gate;

  constructor(connection: Connection, gate: Gate) {
    this.#connection = connection;
    this.#gate = gate;
  }

  prepare(sql: string): Statement {
    return new Statement(this, sql);
  }

  /** The first row, or undefined. */
  async get(
    sql: string,
    parameters: SqlParameters = NONE,
    options: CallOptions = {},
  ): Promise<SqlRow | undefined> {
    const [row] = await this.#rows("get", sql, parameters, options);
    return row;
  }

  all(sql: string, parameters: SqlParameters = NONE, options: CallOptions = {}): Promise<SqlRow[]> {
    return this.#rows("all", sql, parameters, options);
  }

  /** Runs one statement to its end, and forgets its rows. */
  async run(
    sql: string,
    parameters: SqlParameters = NONE,
    options: CallOptions = {},
  ): Promise<RunResult> {
    return this.#gate(async () => {
      const statement = this.#connection.statement(sql).name;
      return (await this.#do({ kind: "run", statement, parameters }, options)) as RunResult;
    });
  }

  /**
   * The rows as they are wanted, some hundreds at a time. Leaving it early ends the statement.
   * Other statements can run meanwhile.
   */
  async *iterate(
    sql: string,
    parameters: SqlParameters = NONE,
    options: CallOptions = {},
  ): AsyncGenerator<SqlRow, void, undefined> {
    for await (const { names, rows } of this.iterateBatches(sql, parameters, options)) {
      for (const values of rows) yield rowOf(names, values);
    }
  }

  /** The same as they come, at least one batch, with or without rows. */
  async *iterateBatches(
    sql: string,
    parameters: SqlParameters = NONE,
    options: CallOptions = {},
  ): AsyncGenerator<RowBatch, void, undefined> {
    const { known, first } = await this.#gate(async () => {
      const known = this.#connection.statement(sql);
      const work: Work = { kind: "iterate", statement: known.name, parameters };
      return { known, first: (await this.#do(work, options)) as Rows };
    });
    let rows = first;
    const { iteration = 0 } = rows;
    try {
      while (true) {
        yield known.batch(rows);
        if (!rows.isOpen) return;
        rows = (await this.#do({ kind: "next", iteration }, options)) as Rows;
      }
    } finally {
      if (rows.isOpen) await this.#do({ kind: "leave", iteration }, {}).catch(() => {});
    }
  }

  /** Runs all statements of a text, and forgets their rows. */
  async exec(sql: string, options: CallOptions = {}): Promise<void> {
    await this.#gate(() => this.#do({ kind: "exec", sql }, options));
  }

  /** The rows of a pragma; with `simple` the first column of the first one. */
  async pragma(source: string, options: CallOptions & { simple?: boolean } = {}): Promise<unknown> {
    const work: Work = { kind: "pragma", source };
    const { names = [], rows } = (await this.#gate(() => this.#do(work, options))) as Rows;
    if (options.simple) return rows[0]?.[0];
    return rows.map((values) => Object.fromEntries(names.map((name, at) => [name, values[at]])));
  }

  async columns(sql: string, options: CallOptions = {}): Promise<readonly ColumnInfo[]> {
    return this.#gate(async () => {
      const statement = this.#connection.statement(sql).name;
      return (await this.#do({ kind: "columns", statement }, options)) as readonly ColumnInfo[];
    });
  }

  #rows(
    kind: "get" | "all",
    sql: string,
    parameters: SqlParameters,
    options: CallOptions,
  ): Promise<SqlRow[]> {
    return this.#gate(async () => {
      const known = this.#connection.statement(sql);
      const work: Work = { kind, statement: known.name, parameters };
      return known.rows((await this.#do(work, options)) as Rows);
    });
  }

  #do(work: Work, { signal }: CallOptions): Promise<WorkResult> {
    return this.#connection.do(work, signal);
  }
}
