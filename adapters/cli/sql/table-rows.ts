import type { SqlValue } from "../../sqlite/index.ts";
import { columnsOf, fit, printable } from "../printable.ts";
import { hexOf, type RowWriter, type WriteText } from "./row-writer.ts";

/** Rows whose widths are known before the first of them is written. */
const MEASURED_ROWS = 1000;

/** A column is not padded beyond that: what is longer takes its room, and the rest moves. */
const MOST_PADDING = 60;

/** A column that has to be cut keeps so many characters. */
const LEAST_COLUMNS = 6;

export interface TableStyle {
  /** Lines between cells, as a terminal can draw them; else spaces and dashes. */
  readonly box: boolean;
  /** The width to fit in, with `…` where something is cut; undefined where nothing is. */
  readonly columns: number | undefined;
  /** Dresses what stands for NULL. */
  readonly dim: (text: string) => string;
}

interface Cell {
  readonly text: string;
  readonly isNumber: boolean;
  readonly isNull: boolean;
}

/** A table for people. */
export class TableRows implements RowWriter {
  readonly format = "table";
  readonly #write: WriteText;
  readonly #style: TableStyle;
  #names: readonly string[] = [];
  #waiting: Cell[][] = [];
  /** Of the columns, once they were measured. */
  #widths: readonly number[] | undefined;

  constructor(write: WriteText, style: TableStyle) {
    this.#write = write;
    this.#style = style;
  }

  begin(names: readonly string[]): void {
    this.#names = names.map(printable);
    this.#waiting = [];
    this.#widths = undefined;
  }

  async write(rows: readonly (readonly SqlValue[])[]): Promise<boolean> {
    const { columns = Number.POSITIVE_INFINITY } = this.#style;
    for (const row of rows) this.#waiting.push(row.map((value) => cellOf(value, columns)));
    return this.#waiting.length < MEASURED_ROWS || (await this.#draw(false));
  }

  end(): Promise<boolean> {
    return this.#draw(true);
  }

  #draw(isLast: boolean): Promise<boolean> {
    const rows = this.#waiting;
    this.#waiting = [];
    const lines: string[] = [];
    const isFirst = this.#widths === undefined;
    const widths = this.#widths ?? this.#measure(rows);
    this.#widths = widths;
    const rule = (kind: "top" | "middle" | "bottom"): string => this.#rule(widths, kind);
    if (isFirst) {
      const head = this.#names.map((text) => ({ text, isNumber: false, isNull: false }));
      if (this.#style.box) lines.push(rule("top"));
      lines.push(this.#line(head, widths), rule("middle"));
    }
    for (const row of rows) lines.push(this.#line(row, widths));
    if (isLast && this.#style.box) lines.push(rule("bottom"));
    return lines.length === 0 ? Promise.resolve(true) : this.#write(`${lines.join("\n")}\n`);
  }

  #measure(rows: readonly (readonly Cell[])[]): readonly number[] {
    const natural = this.#names.map((name) => columnsOf(name));
    const numbers = natural.map(() => 0); // half a number would be another one
    for (const row of rows) {
      for (const [index, { text, isNumber }] of row.entries()) {
        const width = columnsOf(text);
        natural[index] = Math.max(natural[index] ?? 0, width);
        if (isNumber) numbers[index] = Math.max(numbers[index] ?? 0, width);
      }
    }
    const { columns, box } = this.#style;
    if (columns === undefined) return natural.map((width) => Math.min(width, MOST_PADDING));
    // Each column has a line and two spaces, and the last one a line more.
    const room = columns - (box ? 3 * natural.length + 1 : 2 * (natural.length - 1));
    const within = (most: number): number[] =>
      natural.map((width, index) => Math.max(numbers[index] ?? 0, Math.min(width, most)));
    let most = Math.max(...natural, LEAST_COLUMNS);
    const isTooWide = (): boolean => within(most).reduce((sum, width) => sum + width, 0) > room;
    while (most > LEAST_COLUMNS && isTooWide()) most -= 1;
    return within(most);
  }

  #line(cells: readonly Cell[], widths: readonly number[]): string {
    const { box, columns, dim } = this.#style;
    const drawn = cells.map(({ text, isNumber, isNull }, index) => {
      const width = widths[index] ?? 0;
      const cut = columns === undefined ? text : fit(text, width);
      const padding = " ".repeat(Math.max(0, width - columnsOf(cut)));
      const dressed = isNull ? dim(cut) : cut;
      return isNumber ? padding + dressed : dressed + padding;
    });
    return box ? `│ ${drawn.join(" │ ")} │` : drawn.join("  ").trimEnd();
  }

  #rule(widths: readonly number[], kind: "top" | "middle" | "bottom"): string {
    if (!this.#style.box) return widths.map((width) => "-".repeat(width)).join("  ");
    const [left, cross, right] = { top: "┌┬┐", middle: "├┼┤", bottom: "└┴┘" }[kind];
    return left + widths.map((width) => "─".repeat(width + 2)).join(cross) + right;
  }
}

/** @param most of its characters that will be shown. */
function cellOf(value: SqlValue, most: number): Cell {
  const isNull = value === null;
  const isNumber = typeof value === "number" || typeof value === "bigint";
  if (value === null || typeof value === "number" || typeof value === "bigint") {
    return { text: isNull ? "NULL" : String(value), isNumber, isNull };
  }
  const text =
    typeof value === "string"
      ? printable(value.slice(0, most + 1))
      : `x'${hexOf(value.subarray(0, most + 1))}'`;
  return { text, isNumber, isNull };
}
