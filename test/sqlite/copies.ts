import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hydrate } from "../../adapters/hydrate.ts";
import {
  type Database,
  type OpenDatabaseOptions,
  openDatabase,
} from "../../adapters/sqlite/index.ts";
import { findSqlite, make, makeFolder } from "../sqlite-databases.ts";
import { TroubledSource } from "./troubled-source.ts";

/** A copy of an original that has just been begun. */
export interface OpenedCopy extends AsyncDisposable {
  readonly db: Database;
  readonly source: TroubledSource;
  readonly file: string;
}

/** An original database, and copies of it, in a folder that is gone in the end. */
export interface Copies {
  readonly folder: string;
  /** SQLite's own program, which has made the original. */
  readonly program: string;
  readonly bytes: Uint8Array;
  open(options?: OpenDatabaseOptions): Promise<OpenedCopy>;
  /** A file that has all of it. */
  hydrated(): Promise<string>;
  /** One that was begun before. */
  reopen(file: string, options?: OpenDatabaseOptions): Promise<Database>;
}

/** Undefined where SQLite's program is missing, of which it says so. */
export function copiesOf(sql: string, settings = ""): Copies | undefined {
  const program = findSqlite();
  if (program === undefined) return undefined;
  const folder = makeFolder();
  const bytes = readFileSync(make(program, folder, { name: "original", sql, settings }));
  let opened = 0;
  const open = async (options: OpenDatabaseOptions = {}): Promise<OpenedCopy> => {
    opened += 1;
    const file = join(folder, `copy-${opened}.db`);
    const source = new TroubledSource(bytes);
    const retries = { demand: 0, backoffMs: 1 };
    const db = await openDatabase(source, file, { retries, readAround: 0, ...options });
    return { db, source, file, [Symbol.asyncDispose]: () => db.close() };
  };
  const reopen = (file: string, options?: OpenDatabaseOptions): Promise<Database> =>
    openDatabase(new TroubledSource(bytes), file, options);
  const hydrated = async (): Promise<string> => {
    opened += 1;
    const file = join(folder, `copy-${opened}.db`);
    await using clone = await hydrate(new TroubledSource(bytes), file);
    await clone.hydrated();
    return file;
  };
  return { folder, program, bytes, open, hydrated, reopen };
}
