import type { SqlValue } from "../../sqlite/index.ts";
import { hexOf, type RowWriter, type WriteText } from "./row-writer.ts";

/** Comma-separated values as in RFC 4180, with the names of the columns in the first line. */
export class CsvRows implements RowWriter {
  readonly format = "csv";
  readonly #write: WriteText;
  #header = "";

  constructor(write: WriteText) {
    this.#write = write;
  }

  begin(names: readonly string[]): void {
    this.#header = lineOf(names.map(fieldOf));
  }

  async write(rows: readonly (readonly SqlValue[])[]): Promise<boolean> {
    const text = this.#header + rows.map((row) => lineOf(row.map(fieldOf))).join("");
    this.#header = "";
    return text === "" || (await this.#write(text));
  }

  end(): Promise<boolean> {
    return this.write([]);
  }
}

function lineOf(fields: readonly string[]): string {
  return `${fields.join(",")}\r\n`;
}

/** NULL is nothing, and empty text is two quotes. */
function fieldOf(value: SqlValue): string {
  if (value === null) return "";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value !== "string") return hexOf(value);
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
