import { SqliteError } from "../between/sqlite-error.ts";
import type { SqlValue } from "../between/values.ts";
import type { Driver, StatementOwner } from "./driver.ts";

/** What a connection has set for itself, and is nowhere in the file. */
export interface ConnectionSettings {
  /** By name, that of the schema before it where each has its own. */
  readonly pragmas: ReadonlyMap<string, SqlValue>;
  readonly attached: readonly AttachedDatabase[];
  readonly isLikeCaseSensitive: boolean;
  readonly journalMode: SqlValue | undefined;
  readonly busyTimeoutMs: number;
  readonly counts: ChangeCounts;
}

interface AttachedDatabase {
  readonly name: string;
  readonly file: string;
}

interface ChangeCounts {
  readonly lastInsertRowid: bigint;
  readonly changes: number;
  readonly totalChanges: number;
}

/** https://www.sqlite.org/pragma.html */
const PRAGMAS = [
  ...["analysis_limit", "automatic_index", "cache_spill", "cell_size_check"],
  ...["checkpoint_fullfsync", "foreign_keys", "full_column_names", "fullfsync"],
  ...["ignore_check_constraints", "legacy_alter_table", "read_uncommitted", "recursive_triggers"],
  ...["reverse_unordered_selects", "short_column_names", "temp_store", "threads"],
  ...["trusted_schema", "wal_autocheckpoint", "writable_schema"],
] as const;
/** Each database has its own. */
const SCHEMA_PRAGMAS = [
  ...["cache_size", "journal_size_limit", "max_page_count", "secure_delete", "synchronous"],
] as const;
const JOURNAL_MODE = "main.journal_mode";
/** With it nothing can be written, and so it comes last. */
const LAST_PRAGMA = "query_only";

/** So many rows of a temporary table are written, at most, to have the counts go on. */
const MOST_CARRIED = 100_000;
const CARRIED = "temp.headwater_counts";

/**
 * Asks a driver for what its connection has set. Not in a transaction.
 *
 * @returns undefined where another driver cannot go on with what it has.
 * @throws {SqliteError} `SQLITE_BUSY` where it would have to wait.
 */
export function readSettings(
  driver: Driver,
  owner: StatementOwner,
): ConnectionSettings | undefined {
  const busyTimeoutMs = Number(readPragma(driver, owner, "busy_timeout") ?? 0);
  driver.setBusyTimeout(0);
  try {
    if (obstacleTo(driver, owner) !== undefined) return undefined;
    return { ...readAll(driver, owner), busyTimeoutMs };
  } finally {
    driver.setBusyTimeout(busyTimeoutMs);
  }
}

function readAll(driver: Driver, owner: StatementOwner): Omit<ConnectionSettings, "busyTimeoutMs"> {
  const databases = rows(driver, owner, "pragma database_list").map(
    ([, name, file]) => ({ name, file }) as AttachedDatabase,
  );
  const attached = databases.filter(({ name }) => name !== "main" && name !== "temp");
  const pragmas = new Map<string, SqlValue>();
  for (const pragma of pragmasOf(attached)) {
    const value = readPragma(driver, owner, pragma);
    if (value !== undefined) pragmas.set(pragma, value);
  }
  const [[isLikeInsensitive] = []] = rows(driver, owner, "select 'a' like 'A'");
  const sql = "select last_insert_rowid(), changes(), total_changes()";
  const [[lastInsertRowid = 0, changes = 0, totalChanges = 0] = []] = rows(driver, owner, sql);
  const counts: ChangeCounts = {
    lastInsertRowid: BigInt(lastInsertRowid as number | bigint),
    changes: Number(changes),
    totalChanges: Number(totalChanges),
  };
  return {
    ...{ pragmas, attached, counts },
    isLikeCaseSensitive: isLikeInsensitive === 0,
    journalMode: readPragma(driver, owner, JOURNAL_MODE),
  };
}

/** Why another driver cannot go on; undefined where it can. */
function obstacleTo(driver: Driver, owner: StatementOwner): string | undefined {
  const [[temporary] = []] = rows(driver, owner, "select count(*) from sqlite_temp_master");
  if (temporary !== 0) return "there are temporary tables, views, indexes or triggers";
  const databases = rows(driver, owner, "pragma database_list").filter(
    ([, name]) => name !== "temp",
  );
  if (databases.some(([, , file]) => file === "")) return "a database in memory is attached";
  const each = (pragma: string): (SqlValue | undefined)[] =>
    databases.map(([, name]) => readPragma(driver, owner, `${quoted(name)}.${pragma}`));
  if (each("page_count").includes(0)) return "a database is empty, and may get another layout";
  return each("locking_mode").includes("exclusive") ? "the file is locked for good" : undefined;
}

/** Gives a connection that has just been opened what another one had. */
export function writeSettings(
  driver: Driver,
  owner: StatementOwner,
  settings: ConnectionSettings,
): void {
  const { pragmas, attached, isLikeCaseSensitive, busyTimeoutMs, counts } = settings;
  driver.setBusyTimeout(busyTimeoutMs);
  for (const { name, file } of attached) {
    run(driver, owner, `attach ? as ${quoted(name)}`, file);
  }
  for (const [pragma, value] of pragmas) {
    if (pragma !== LAST_PRAGMA) writePragma(driver, owner, pragma, value);
  }
  if (isLikeCaseSensitive) driver.exec("pragma case_sensitive_like = on");
  carryCounts(driver, owner, counts);
  writePragma(driver, owner, LAST_PRAGMA, pragmas.get(LAST_PRAGMA) ?? 0);
}

/**
 * The journal mode too, where somebody may write. That a database has a log is written in its file:
 * only the first connection may change that, since another one may have wanted it.
 */
export function writeJournalMode(
  driver: Driver,
  owner: StatementOwner,
  { journalMode }: ConnectionSettings,
  isFirst: boolean,
): void {
  const found = readPragma(driver, owner, JOURNAL_MODE);
  if (journalMode === undefined || (found === "wal" && !isFirst)) return;
  writePragma(driver, owner, JOURNAL_MODE, journalMode);
}

function pragmasOf(attached: readonly AttachedDatabase[]): readonly string[] {
  const schemas = ["main", ...attached.map(({ name }) => quoted(name))];
  const ofSchemas = schemas.flatMap((schema) =>
    SCHEMA_PRAGMAS.map((pragma) => `${schema}.${pragma}`),
  );
  return [...PRAGMAS, ...ofSchemas, LAST_PRAGMA];
}

/** Undefined where the driver was built without it. */
function readPragma(driver: Driver, owner: StatementOwner, pragma: string): SqlValue | undefined {
  const statement = driver.prepare(owner, `pragma ${pragma}`);
  try {
    if (!statement.reader) return undefined;
    return (statement.raw().get() as SqlValue[] | undefined)?.[0];
  } finally {
    statement.finalize();
  }
}

function writePragma(driver: Driver, owner: StatementOwner, pragma: string, value: SqlValue): void {
  if (readPragma(driver, owner, pragma) === value) return;
  try {
    driver.exec(`pragma ${pragma} = ${value}`);
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error; // not every driver has all of them
  }
}

/**
 * Nothing sets what `last_insert_rowid()`, `changes()` and `total_changes()` return, but changes:
 * so as many are made in a temporary table, of which nothing is left.
 */
function carryCounts(driver: Driver, owner: StatementOwner, counts: ChangeCounts): void {
  const { lastInsertRowid, changes, totalChanges } = counts;
  if (totalChanges === 0 && lastInsertRowid === 0n) return;
  const last = Math.min(Math.max(changes, 1), MOST_CARRIED);
  const before = Math.min(totalChanges - last, MOST_CARRIED);
  driver.exec(`create table ${CARRIED}(id integer primary key)`);
  if (before > 0) insert(driver, owner, BigInt(before), 0n);
  insert(driver, owner, BigInt(last), lastInsertRowid);
  if (changes === 0) driver.exec(`delete from ${CARRIED} where 0`);
  driver.exec(`drop table ${CARRIED}`);
}

/** @param rowid of the last of them. */
function insert(driver: Driver, owner: StatementOwner, count: bigint, rowid: bigint): void {
  const sql =
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < $count) " +
    `insert or replace into ${CARRIED} select case i when $count then $rowid end from n`;
  run(driver, owner, sql, { count, rowid });
}

function run(driver: Driver, owner: StatementOwner, sql: string, ...values: unknown[]): void {
  const statement = driver.prepare(owner, sql);
  try {
    statement.run(...values);
  } finally {
    statement.finalize();
  }
}

function rows(driver: Driver, owner: StatementOwner, sql: string): SqlValue[][] {
  const statement = driver.prepare(owner, sql);
  try {
    return statement.raw().all() as SqlValue[][];
  } finally {
    statement.finalize();
  }
}

function quoted(name: SqlValue | undefined): string {
  return `"${String(name).replaceAll('"', '""')}"`;
}
