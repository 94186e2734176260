import type { SqlValue } from "../../sqlite/index.ts";
import { hexOf, type RowWriter, type WriteText } from "./row-writer.ts";

/** What no program needs as it is, and a terminal may obey. */
const OBEYED = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * One JSON object a line for each row. An integer that a double cannot hold is a string of its
 * digits, so that no program rounds it; a blob is a string of hexadecimal digits.
 */
export class JsonRows implements RowWriter {
  readonly format = "json";
  readonly #write: WriteText;
  #keys: readonly string[] = [];

  constructor(write: WriteText) {
    this.#write = write;
  }

  begin(names: readonly string[]): void {
    this.#keys = distinct(names).map((name) => `${quoted(name)}:`);
  }

  async write(rows: readonly (readonly SqlValue[])[]): Promise<boolean> {
    const line = (row: readonly SqlValue[]): string =>
      `{${this.#keys.map((key, index) => key + jsonOf(row[index] ?? null)).join(",")}}\n`;
    return rows.length === 0 || (await this.#write(rows.map(line).join("")));
  }

  async end(): Promise<boolean> {
    return true;
  }
}

/** A name that occurs again gets a number, as SQLite gives it in a view: `id`, `id:1`. */
function distinct(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let count = 1; seen.has(own); count += 1) own = `${name}:${count}`;
    seen.add(own);
    return own;
  });
}

function jsonOf(value: SqlValue): string {
  if (value === null) return "null";
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return `"${value}"`;
  if (typeof value !== "number") return `"${hexOf(value)}"`;
  // JSON has no infinity; what is read back from this is one.
  return Number.isFinite(value) ? String(value) : value > 0 ? "1e999" : "-1e999";
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(OBEYED, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
