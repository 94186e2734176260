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

/** What the tests compare with, where it is installed; else says so. */
export async function findNative(): Promise<Native | undefined> {
  const name = "better-sqlite3"; // not known to the compiler, which would want its types
  try {
    const module = (await import(name)) as { readonly default: Native };
    new module.default(":memory:").close();
    return module.default;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    const why = reason
      ? "is not installed"
      : `cannot be loaded: ${String(error).split("\n", 1)[0]}`;
    console.log(`skipped: ${name} ${why}`);
    return undefined;
  }
}
