import type { SqlParameter } from "../../adapters/sqlite/index.ts";

/** One thing that is asked of two databases, which are to answer the same. */
export interface SqlStep {
  readonly sql: string;
  readonly parameters?: readonly SqlParameter[];
  /** Default "all". `exec` may be more than one statement. */
  readonly how?: "all" | "run" | "exec";
  /** Whether SQL says in which order the rows come; otherwise any order is right. */
  readonly isOrdered?: boolean;
}

export function textOf({ sql, parameters = [] }: SqlStep): string {
  const shown = parameters.map((value) => {
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    return typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  });
  return shown.length === 0 ? sql : `${sql} -- ${shown.join(", ")}`;
}
