import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "../../sqlite/index.ts";
import { closesInTime } from "../copy-session.ts";
import { EXIT, UsageError } from "../exit-codes.ts";
import { reportFailure } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { writeOut } from "../output.ts";
import { printable } from "../printable.ts";
import { formatBytes, formatPercent } from "../quantities.ts";
import { chooseWriter } from "./choose-writer.ts";
import { runEntry } from "./entries.ts";
import { sqlFailure } from "./failure.ts";
import { entriesFrom } from "./input.ts";
import { ProgressLine } from "./progress-line.ts";
import { runPrompt } from "./prompt.ts";
import { parseSqlRequest, type SqlRequest } from "./request.ts";
import { entriesOf } from "./script.ts";
import { SqlSession } from "./session.ts";

/** `headwater sql <url or replica> [file] [SQL]`: resolves to the exit code. */
export async function runSql(args: readonly string[]): Promise<number> {
  try {
    const request = parseSqlRequest(args);
    await withFile(request.file, (file) => query(request, file));
    return EXIT.done;
  } catch (error) {
    return reportFailure(error, false); // rows are on stdout, and nothing else
  }
}

/** Without a file of the user's there is a temporary one, which is gone at the end. */
async function withFile(
  file: string | undefined,
  work: (file: string) => Promise<void>,
): Promise<void> {
  if (file !== undefined) return work(file);
  const folder = mkdtempSync(join(tmpdir(), "headwater-sql-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove); // a second signal ends the process at once
  try {
    await work(join(folder, "database"));
  } finally {
    remove();
  }
}

async function query(request: SqlRequest, file: string): Promise<void> {
  const interruption = new Interruption();
  const { signal } = interruption;
  const watching = new AbortController();
  const db = await open(request, file, signal);
  try {
    const session = sessionOf(db, request);
    void session.progress.watch(AbortSignal.any([signal, watching.signal]));
    await interruption.orElse(run(session, request, interruption));
    await interruption.orElse(db.close());
    tellRest(session);
  } catch (error) {
    await closesInTime(db);
    throw sqlFailure(error, request);
  } finally {
    watching.abort();
  }
}

async function open(
  { source, options }: SqlRequest,
  file: string,
  signal: AbortSignal,
): Promise<Database> {
  try {
    return await openDatabase(source, file, { ...options, signal });
  } catch (error) {
    // What was typed reached it nearly as it was: a header, a proxy.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** Only a person at a terminal is told anything beside the rows. */
function sessionOf(db: Database, { name, file, format, quiet }: SqlRequest): SqlSession {
  const { stdout, stderr } = process;
  const isWatched = stderr.isTTY && !quiet;
  return new SqlSession({
    ...{ db, name, file },
    writer: chooseWriter(format, stdout, writeOut),
    write: writeOut,
    progress: new ProgressLine(
      db.clone,
      isWatched && process.env.TERM !== "dumb" ? stderr : undefined,
    ),
    note: isWatched ? (text) => stderr.write(`${text}\n`) : undefined,
  });
}

/** Runs what was given, or else what comes from stdin. */
async function run(
  session: SqlSession,
  request: SqlRequest,
  interruption: Interruption,
): Promise<void> {
  const { sql } = request;
  const { signal } = interruption;
  if (sql === undefined && process.stdin.isTTY) {
    session.note(`${session.name}: ${shareOf(session)}; .help says what can be typed`);
    const failed = (error: unknown): void => {
      reportFailure(sqlFailure(error, request), false);
    };
    return runPrompt({ session, interruption, failed });
  }
  const entries = sql === undefined ? entriesFrom(process.stdin) : entriesOf(sql);
  for await (const entry of entries) {
    if (!(await runEntry(session, entry, { signal }))) return;
  }
}

/** What a copy that is kept still lacks. */
function tellRest(session: SqlSession): void {
  const { db, file } = session;
  if (file === undefined || db.clone === undefined) return;
  const isWhole = db.clone.status().hydration === "complete";
  const rest = isWhole ? "a file for any SQLite" : "the same command goes on from there";
  session.note(`${printable(file)}: ${shareOf(session)}; ${rest}`);
}

function shareOf({ db }: SqlSession): string {
  const status = db.clone?.status();
  if (status === undefined) return "all of it is here";
  const { size, hydratedBytes } = status;
  const share = formatPercent(size === 0 ? 100 : (100 * hydratedBytes) / size);
  return `${formatBytes(size)}, ${share} is here`;
}
