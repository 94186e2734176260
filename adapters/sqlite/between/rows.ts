import type { SqlRow, SqlValue } from "./values.ts";

/** An object of a row's values, by the names of their columns. */
export function rowOf(names: readonly string[], values: readonly SqlValue[]): SqlRow {
  const row: SqlRow = {};
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] as string;
    const value = values[index] as SqlValue;
    if (name !== "__proto__") row[name] = value;
    else Object.defineProperty(row, name, { value, ...OWN });
  }
  return row;
}

/** As an assignment makes it, which would set what the row inherits from. */
const OWN = { enumerable: true, writable: true, configurable: true } as const;
