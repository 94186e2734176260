import { createRequire } from "node:module";

/** As much of better-sqlite3 as the tests use. It is no dependency, and has no types of its own. */
export interface NativeStatement {
  readonly reader: boolean;
  all(...parameters: readonly unknown[]): unknown[];
  get(...parameters: readonly unknown[]): unknown;
  run(...parameters: readonly unknown[]): { changes: number; lastInsertRowid: number | bigint };
  raw(isOn?: boolean): NativeStatement;
  safeIntegers(isOn?: boolean): NativeStatement;
  columns(): { readonly name: string }[];
}

export interface NativeDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): NativeStatement;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple?: boolean }): unknown;
  close(): unknown;
}

export interface NativeOptions {
  readonly readonly?: boolean;
  readonly fileMustExist?: boolean;
  readonly timeout?: number;
}

export type Native = new (path: string, options?: NativeOptions) => NativeDatabase;

const require = createRequire(import.meta.url);

/** What the tests compare with, where it is installed, or in a folder of `NODE_PATH`; else says so. */
export function findNative(): Native | undefined {
  const name = "better-sqlite3";
  try {
    const native = require(name) as Native;
    new native(":memory:").close();
    return native;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    const why = isMissing
      ? "is not installed"
      : `cannot be loaded: ${String(error).split("\n", 1)[0]}`;
    console.log(`skipped: ${name} ${why}`);
    return undefined;
  }
}
