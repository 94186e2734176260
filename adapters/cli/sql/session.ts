import type { CallOptions } from "../../../lib/index.ts";
import type { Database, SqlParameters, SqlRow } from "../../sqlite/index.ts";
import { printable } from "../printable.ts";
import { formatBytes, formatCount, formatDuration } from "../quantities.ts";
import type { ProgressLine } from "./progress-line.ts";
import type { RowWriter, WriteText } from "./row-writer.ts";

const CHANGING = /^\s*(?:insert|update|delete|replace|with)\b/i;

export interface SqlSessionOptions {
  readonly db: Database;
  /** What stands for the source, as it may be shown. */
  readonly name: string;
  /** Undefined where the copy is a temporary one. */
  readonly file: string | undefined;
  readonly writer: RowWriter;
  /** To stdout. */
  readonly write: WriteText;
  readonly progress: ProgressLine;
  /** Tells a person something, where there is one. */
  readonly note: ((text: string) => void) | undefined;
}

/** A database, and where its answers go. What writes resolves to false once nobody reads it. */
export class SqlSession {
  readonly db: Database;
  readonly name: string;
  readonly file: string | undefined;
  readonly writer: RowWriter;
  readonly progress: ProgressLine;
  readonly #write: WriteText;
  readonly #note: ((text: string) => void) | undefined;

  constructor({ db, name, file, writer, write, progress, note }: SqlSessionOptions) {
    this.db = db;
    this.name = name;
    this.file = file;
    this.writer = writer;
    this.progress = progress;
    this.#write = write;
    this.#note = note;
  }

  write(text: string): Promise<boolean> {
    this.progress.clear();
    return this.#write(text);
  }

  note(text: string): void {
    this.progress.clear();
    this.#note?.(printable(text));
  }

  /** Runs a statement, writes its rows, and says what it has cost. */
  async statement(sql: string, options: CallOptions): Promise<boolean> {
    const startedAt = performance.now();
    const before = this.#spent();
    const rows = await this.#run(sql, [], options);
    if (rows === "unread") return false;
    if (this.#note === undefined) return true;
    const ms = formatDuration(performance.now() - startedAt);
    const after = this.#spent();
    const requests = after.requests - before.requests;
    const fetched = formatBytes(after.bytesFetched - before.bytesFetched);
    const cost = requests === 0 ? "" : `; ${counted(requests, "request")}, ${fetched}`;
    this.note(`${await this.#described(sql, rows)}${ms}${cost}`);
    return true;
  }

  /** Writes the rows of a query, and says nothing. */
  async rows(sql: string, parameters: SqlParameters, options: CallOptions): Promise<boolean> {
    return (await this.#run(sql, parameters, options)) !== "unread";
  }

  /** Writes rows that are here already. */
  async table(names: readonly string[], rows: readonly SqlRow[]): Promise<boolean> {
    this.progress.clear();
    this.writer.begin(names);
    const isRead = await this.writer.write(
      rows.map((row) => names.map((name) => row[name] ?? null)),
    );
    return isRead && (await this.writer.end());
  }

  /** How many rows were written; undefined for a statement that has none. */
  async #run(
    sql: string,
    parameters: SqlParameters,
    options: CallOptions,
  ): Promise<number | undefined | "unread"> {
    const { writer, progress } = this;
    let count: number | undefined;
    for await (const { names, rows } of this.db.prepare(sql).iterateBatches(parameters, options)) {
      if (names.length === 0) continue;
      if (count === undefined) writer.begin(names);
      count = (count ?? 0) + rows.length;
      progress.clear();
      if (!(await writer.write(rows))) return "unread";
    }
    progress.clear();
    if (count !== undefined && !(await writer.end())) return "unread";
    return count;
  }

  async #described(sql: string, rows: number | undefined): Promise<string> {
    if (rows !== undefined) return `${counted(rows, "row")} in `;
    if (!CHANGING.test(sql)) return "done in ";
    const { n } = (await this.db.get("select changes() as n")) ?? {};
    return `${counted(Number(n), "row")} changed in `;
  }

  #spent(): { readonly requests: number; readonly bytesFetched: number } {
    return this.db.clone?.stats() ?? { requests: 0, bytesFetched: 0 };
  }
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
