import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BlobReader,
  openPageReader,
  type PageReader,
} from "../adapters/sqlite/btree/index.ts";
import { findProgram } from "./programs.ts";

/** A database that SQLite's own program makes. */
export interface Recipe {
  readonly name: string;
  /** Before anything else: page size, encoding, vacuum. */
  readonly settings?: string;
  readonly sql: string;
}

/** Where a test finds SQLite's own program, which can list pages; else it says so. */
export function findSqlite(): string | undefined {
  const program = findProgram("sqlite3");
  if (program === undefined) return undefined;
  const asked = spawnSync(program, [":memory:", "select count(*) from dbstat"]);
  if (asked.status === 0) return program;
  console.log("skipped: sqlite3 has no dbstat");
  return undefined;
}

/** A folder that is removed when the process ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-sqlite-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function run(program: string, file: string, input: string): string {
  const child = spawnSync(program, ["-batch", "-bail", "-json", file], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (child.status === 0 && child.stderr === "") return child.stdout;
  throw new Error(`sqlite3 ended with ${child.status}: ${child.stderr}`, { cause: child.error });
}

export function query<Row>(program: string, file: string, sql: string): Row[] {
  return JSON.parse(run(program, file, sql) || "[]") as Row[];
}

/** Makes a database and returns its path. */
export function make(program: string, folder: string, recipe: Recipe): string {
  const file = join(folder, `${recipe.name.replaceAll(" ", "-")}.db`);
  // Settings take effect when the database is written for the first time, and reserved bytes then.
  const settings = `${recipe.settings ?? ""}\nvacuum;\n`;
  run(program, file, `${settings}begin;\n${recipe.sql}\ncommit;\n`);
  return file;
}

const PROJ = "/usr/share/proj/proj.db";

/** A database of the world, where it is installed; else says so. */
export function findProj(): string | undefined {
  if (existsSync(PROJ)) return PROJ;
  console.log("skipped: proj.db is not installed");
  return undefined;
}

/** Counts what is read, by page. */
export interface CountingReader extends PageReader {
  readonly reads: number[];
}

export function counting(reader: PageReader): CountingReader {
  const reads: number[] = [];
  const read = (pgno: number, signal?: AbortSignal): Promise<Uint8Array> => {
    reads.push(pgno);
    return reader.read(pgno, signal);
  };
  return { header: reader.header, pageCount: reader.pageCount, read, reads };
}

export function memoryBlob(bytes: Uint8Array): BlobReader {
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    bytes.slice(offset, offset + length);
  return { size: bytes.length, read };
}

export async function openFile(file: string): Promise<CountingReader> {
  return counting(await openPageReader(memoryBlob(readFileSync(file))));
}
