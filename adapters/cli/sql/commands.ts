import { statSync } from "node:fs";
import type { CallOptions, CloneStatus } from "../../../lib/index.ts";
import { UsageError } from "../exit-codes.ts";
import { printable } from "../printable.ts";
import { formatBytes, formatCount, formatPercent } from "../quantities.ts";
import type { SqlSession } from "./session.ts";

/** A command that begins with a dot. Resolves to false when nobody reads any more. */
export type DotCommand = (
  session: SqlSession,
  words: readonly string[],
  options: CallOptions,
) => Promise<boolean>;

export const DOT_COMMANDS: Readonly<Record<string, DotCommand>> = {
  tables: listTables,
  schema: showSchema,
  status: showStatus,
  hydrate: hydrateNamed,
  help: ({ write }) => write(DOT_HELP),
};

export const DOT_HELP = `.tables            the tables and views
.schema [name]     how they, or this one and its indexes, were made
.status            how much is here, and what it has cost
.hydrate [name]    bring this table with its indexes, or this index; or everything
.quit              leave, as Ctrl-D does
A statement ends with a semicolon, on as many lines as it takes. Ctrl-C ends what runs.
`;

const TABLES = `select name, type from sqlite_schema
  where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by name`;

const SCHEMA = `select type, name, sql from sqlite_schema
  where sql is not null and (?1 is null or name = ?1 collate nocase or tbl_name = ?1 collate nocase)
  order by rowid`;

function listTables(
  session: SqlSession,
  _: readonly string[],
  options: CallOptions,
): Promise<boolean> {
  return session.rows(TABLES, [], options);
}

async function showSchema(
  session: SqlSession,
  words: readonly string[],
  options: CallOptions,
): Promise<boolean> {
  const [name] = words;
  const found = await session.db.all(SCHEMA, [name ?? null], options);
  if (found.length === 0 && name !== undefined) throw noSuch(name);
  if (session.writer.format !== "table") return session.table(["type", "name", "sql"], found);
  return session.write(found.map(({ sql }) => `${lines(String(sql))};\n`).join(""));
}

function showStatus(session: SqlSession): Promise<boolean> {
  const { clone, localPath } = session.db;
  const { size, hydratedBytes, hydration, identity } = clone?.status() ?? wholeFile(session.file);
  const { requests, bytesFetched } = clone?.stats() ?? { requests: 0, bytesFetched: 0 };
  const percent = size === 0 ? 100 : (100 * hydratedBytes) / size;
  const isMoving = clone !== undefined && hydratedBytes < size;
  const bytesPerSecond = isMoving ? Math.round(session.progress.latest?.bytesPerSecond ?? 0) : 0;
  const figures = { size, hydratedBytes, percent, hydration, requests, bytesFetched };
  const row = { ...figures, bytesPerSecond, identity: identity ?? null };
  if (session.writer.format !== "table") return session.table(Object.keys(row), [row]);
  const whole = localPath === undefined ? "" : ", a file for any SQLite";
  const pairs: (readonly [string, string])[] = [
    ["database", session.name],
    ...(identity === undefined ? [] : [["version", identity] as const]),
    ["file", (session.file ?? "none: a temporary copy, removed at the end") + whole],
    ["size", `${formatBytes(size)} (${formatCount(size)} bytes)`],
    ["here", `${formatPercent(percent)}, ${formatBytes(hydratedBytes)}`],
    ["hydration", hydration],
    ["requests", `${formatCount(requests)}, ${formatBytes(bytesFetched)} fetched`],
    ["rate", `${formatBytes(bytesPerSecond)}/s`],
  ];
  const text = pairs.map(([name, value]) => `${name.padEnd(10)} ${printable(value)}\n`);
  return session.write(text.join(""));
}

async function hydrateNamed(
  session: SqlSession,
  words: readonly string[],
  { signal }: CallOptions,
): Promise<boolean> {
  const { db, progress } = session;
  const [name] = words;
  const options = {
    ...(signal && { signal }),
    onProgress: (at: { readonly localPages: number; readonly pages: number }): void =>
      progress.say(`${formatCount(at.localPages)} of ${formatCount(at.pages)} pages`),
  };
  if (name === undefined) {
    await db.clone?.hydrate({ ...(signal && { signal }) });
    session.note("everything is here");
    return true;
  }
  try {
    await db.hydrateTable(name, { ...options, indexes: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    await db.hydrateIndex(name, options).catch((failure: unknown) => {
      throw failure instanceof RangeError ? noSuch(name) : failure;
    });
  }
  session.note(`${name} is here`);
  return true;
}

function noSuch(name: string): UsageError {
  return new UsageError(`there is no table "${name}"; .tables lists them`);
}

/** A file that is somebody's own, as good as a copy that is complete. */
function wholeFile(
  file: string | undefined,
): Pick<CloneStatus, "size" | "hydratedBytes" | "hydration"> & { identity: undefined } {
  const { size } = statSync(file ?? "");
  return { size, hydratedBytes: size, hydration: "complete", identity: undefined };
}

/** SQL as it is laid out, with nothing in it that a terminal obeys. */
function lines(sql: string): string {
  return sql.split("\n").map(printable).join("\n");
}
