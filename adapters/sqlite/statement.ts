import type { CallOptions } from "../../lib/index.ts";
import type { Session } from "./session.ts";
import type { ColumnInfo, RunResult, SqlParameters, SqlRow } from "./shared/values.ts";

/** A statement of a database, prepared when it is first used, and kept by its connection. */
export class Statement {
  readonly sql: string;
  readonly #session: Session;

  constructor(session: Session, sql: string) {
    this.#session = session;
    this.sql = sql;
  }

  /** The first row, or undefined. */
  get(parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow | undefined> {
    return this.#session.get(this.sql, parameters, options);
  }

  all(parameters?: SqlParameters, options?: CallOptions): Promise<SqlRow[]> {
    return this.#session.all(this.sql, parameters, options);
  }

  /** Runs it to its end, and forgets its rows. */
  run(parameters?: SqlParameters, options?: CallOptions): Promise<RunResult> {
    return this.#session.run(this.sql, parameters, options);
  }

  /** The rows as they are wanted. Leaving it early ends the statement. */
  iterate(
    parameters?: SqlParameters,
    options?: CallOptions,
  ): AsyncGenerator<SqlRow, void, undefined> {
    return this.#session.iterate(this.sql, parameters, options);
  }

  columns(options?: CallOptions): Promise<readonly ColumnInfo[]> {
    return this.#session.columns(this.sql, options);
  }
}
