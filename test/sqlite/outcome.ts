import type { Database, SqlParameters } from "../../adapters/sqlite/index.ts";
import type { NativeDatabase, NativeStatement } from "./native.ts";
import type { SqlStep } from "./step.ts";

/** What came of a step, in a form that can be compared: rows, counts or the code of an error. */
export interface Outcome {
  readonly names?: readonly string[];
  /** Each row as text, in order, or sorted where the order is nobody's promise. */
  readonly rows?: readonly string[];
  readonly changes?: number;
  readonly lastInsertRowid?: string;
  readonly error?: string;
}

/** The parts of a database that steps use: a whole one, or a transaction of it. */
export type Asked = Pick<Database, "all" | "exec" | "run">;

export async function askSubject(database: Asked, step: SqlStep): Promise<Outcome> {
  const { sql, parameters = [], how = "all" } = step;
  try {
    if (how === "exec") {
      await database.exec(sql);
      return {};
    }
    if (how === "run") return counted(await database.run(sql, parameters as SqlParameters));
    const rows = await database.all(sql, parameters as SqlParameters);
    return rowsOf(step, Object.keys(rows[0] ?? {}), rows.map(Object.values));
  } catch (error) {
    return { error: codeOf(error) };
  }
}

export function askNative(database: NativeDatabase, step: SqlStep): Outcome {
  const { sql, parameters = [], how = "all" } = step;
  const given = parameters.map(toNative);
  try {
    if (how === "exec") {
      database.exec(sql);
      return {};
    }
    const statement = database.prepare(sql);
    if (how === "run") return counted(statement.safeIntegers().run(...given));
    const { names, rows } = nativeRows(statement, given);
    return rowsOf(step, names, rows);
  } catch (error) {
    return { error: codeOf(error) };
  }
}

function nativeRows(
  statement: NativeStatement,
  given: readonly unknown[],
): { names: string[]; rows: unknown[][] } {
  if (!statement.reader) {
    statement.run(...given);
    return { names: [], rows: [] };
  }
  const rows = statement.safeIntegers().all(...given) as Record<string, unknown>[];
  return { names: Object.keys(rows[0] ?? {}), rows: rows.map(Object.values) };
}

/** better-sqlite3 takes no booleans, and bytes only in a Buffer. */
function toNative(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

function counted(result: { changes: number; lastInsertRowid: number | bigint }): Outcome {
  const { changes, lastInsertRowid } = result;
  return { changes, lastInsertRowid: `${lastInsertRowid}` };
}

function rowsOf(step: SqlStep, names: readonly string[], values: unknown[][]): Outcome {
  const rows = values.map((row) => row.map(shown).join("|"));
  return { names, rows: step.isOrdered ? rows : rows.sort() };
}

/** An integer is the same whether it came as a number or a bigint. A real one may look like it. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Object.is(value, -0)) return "-0";
  return String(value);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : error.constructor.name;
}
