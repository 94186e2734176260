import type { Progress } from "../../lib/index.ts";
import { columnsOf, fit } from "./printable.ts";
import { formatBytes, formatCount, formatDuration, formatPercent } from "./quantities.ts";
import { type Cell, type CellKind, drawCells, type Paint } from "./region-picture.ts";

/** What the block shows. */
export interface BlockState {
  /** Of the file, printable. */
  readonly name: string;
  readonly progress: Progress;
  /** Draws the blob in so many cells. */
  readonly cells: (count: number) => readonly Cell[];
  /** What the user should know now, printable; empty when there is nothing. */
  readonly note: string;
}

const GAP = "  ";

/** The three lines of the live display. None is wider than `columns`. */
export function renderBlock(state: BlockState, columns: number, paint: Paint): string[] {
  const { name, progress, cells, note } = state;
  const fields = describeProgress(progress);
  const nameColumns = Math.max(8, columns - columnsOf(fields.join(GAP)) - GAP.length);
  const lines = [joinWhatFits([fit(name, nameColumns), ...fields], columns)];
  // Between the two bars, and one column short of the edge, where some terminals wrap.
  const picture = cells(Math.max(1, columns - 3));
  lines.push(`▕${drawCells(picture, paint)}▏`);
  lines.push(note === "" ? legend(picture, columns, paint) : fit(note, columns));
  return lines;
}

const LEGEND: readonly (readonly [CellKind, mark: string, meaning: string])[] = [
  ["earlier", "█", "here before"],
  ["background", "█", "in the background"],
  ["demand", "█", "read on demand"],
  ["empty", "·", "missing"],
];

/** What the marks of this picture mean. */
function legend(picture: readonly Cell[], columns: number, paint: Paint): string {
  const shown = LEGEND.filter(([kind]) => picture.some((cell) => cell.kind === kind));
  const plain = shown.map(([, mark, meaning]) => `${mark} ${meaning}`).join(GAP);
  // Cutting a painted text would cut its colours too.
  if (columnsOf(plain) + 1 > columns) return "";
  return ` ${shown.map(([kind, mark, meaning]) => `${paint(kind, mark)} ${meaning}`).join(GAP)}`;
}

/** The figures, the most important first. */
export function describeProgress(progress: Progress): string[] {
  const { percent, hydratedBytes, size, bytesPerSecond, etaMs, requests } = progress;
  const fields = [
    formatPercent(percent),
    `${formatBytes(hydratedBytes)} of ${formatBytes(size)}`,
    `${formatBytes(bytesPerSecond)}/s`,
  ];
  if (etaMs !== undefined && percent < 100) fields.push(`${formatDuration(etaMs)} left`);
  fields.push(`${formatCount(requests)} ${requests === 1 ? "request" : "requests"}`);
  return fields;
}

function joinWhatFits(fields: readonly string[], columns: number): string {
  let line = "";
  for (const field of fields) {
    const longer = line === "" ? field : line + GAP + field;
    if (columnsOf(longer) > columns) break;
    line = longer;
  }
  return line === "" ? fit(fields[0] ?? "", columns) : line;
}
