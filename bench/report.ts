/** One comparison: a line of the table. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  /** What it is compared with, and what that gave. */
  readonly theirs: string;
  /** Ours / theirs, or the figure that the target is about. */
  readonly figure: number;
  /** What the figure must not exceed; undefined where there is no target. */
  readonly target: number | undefined;
}

/** What one subject found. */
export interface Report {
  readonly rows: readonly Row[];
  /** What was measured and how, and what could not be. */
  readonly notes: readonly string[];
}

export interface Subject {
  /** What it is called on the command line. */
  readonly letter: string;
  readonly title: string;
  run(bench: Bench): Promise<Report>;
}

/** Where the subjects work, and how much. */
export interface Bench {
  /** A folder of this run's own; removed at the end. */
  readonly folder: string;
  /** A file of random bytes, `blobSize` long, whose first part is what every origin serves. */
  readonly blob: string;
  /** Repeats of what is repeated for a rate of failure. */
  readonly runs: number;
  /** Repeats of what is killed. */
  readonly kills: number;
}

export const KIB: number = 1024;
export const MIB: number = 1024 * KIB;
export const GIB: number = 1024 * MIB;

/** Milliseconds or microseconds, as large as reads well. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  if (seconds >= 1e-3) return `${(seconds * 1e3).toFixed(seconds >= 0.1 ? 0 : 1)} ms`;
  return `${(seconds * 1e6).toFixed(2)} µs`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function verdict({ figure, target }: Row): string {
  if (target === undefined) return "";
  return figure <= target ? "met" : "**not met**";
}

function cells(row: Row): readonly string[] {
  const target = row.target === undefined ? "" : `≤ ${row.target}`;
  return [row.what, row.ours, row.theirs, shown(row.figure), target, verdict(row)];
}

/** Not rounded to what it is not: a figure just over its target must look so. */
function shown(figure: number): string {
  if (Number.isInteger(figure)) return `${figure}`;
  if (figure >= 10) return figure.toFixed(1);
  return figure >= 1 ? figure.toFixed(figure < 1.001 ? 6 : 3) : figure.toPrecision(3);
}

const HEADINGS = ["what", "Headwater", "compared with", "figure", "target", ""] as const;

/** The rows as a Markdown table that also reads well on a terminal. */
export function table(rows: readonly Row[]): string {
  const lines = [HEADINGS as readonly string[], ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(3, ...lines.map((line) => (line[column] ?? "").length)),
  );
  const draw = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [draw(lines[0] ?? []), rule, ...lines.slice(1).map(draw)].join("\n");
}

export function section(subject: Subject, report: Report): string {
  const notes = report.notes.map((note) => `- ${note}`).join("\n");
  const shown = report.rows.length === 0 ? "" : `\n\n${table(report.rows)}`;
  return `## ${subject.letter}. ${subject.title}${shown}${notes === "" ? "" : `\n\n${notes}`}\n`;
}
