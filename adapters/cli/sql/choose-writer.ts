import { styleText } from "node:util";
import { printable } from "../printable.ts";
import { CsvRows } from "./csv-rows.ts";
import { JsonRows } from "./json-rows.ts";
import type { RowFormat, RowWriter, WriteText } from "./row-writer.ts";
import { TableRows } from "./table-rows.ts";

/** Rows for whoever reads `stream`, to which `write` writes. */
export function chooseWriter(
  format: RowFormat,
  stream: NodeJS.WriteStream,
  write: WriteText,
): RowWriter {
  if (format === "json") return new JsonRows(write);
  // A program gets each byte as it is; a terminal would obey some.
  if (format === "csv") return new CsvRows(stream.isTTY ? (text) => write(shown(text)) : write);
  return new TableRows(write, {
    box: stream.isTTY && process.env.TERM !== "dumb",
    columns: stream.isTTY ? stream.columns : undefined,
    dim: (text) => styleText("gray", text, { stream }),
  });
}

function shown(text: string): string {
  return text.split("\r\n").map(printable).join("\r\n");
}
