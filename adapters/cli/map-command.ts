import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ByteRange } from "../../lib/index.ts";
import { parseCount, takePositionals, understand } from "./command-line.ts";
import { CopyState } from "./copy-state.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { checkMap } from "./map-check.ts";
import { dumpMap } from "./map-dump.ts";
import { repair } from "./map-repair.ts";
import { JSON_OPTION, MAP_OPTIONS } from "./options.ts";
import { paintFor } from "./output.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatPercent } from "./quantities.ts";
import { drawCells, RegionPicture } from "./region-picture.ts";
import { listRanges } from "./sentences.ts";

/** Of a picture that goes to a file or a pipe. */
const DEFAULT_COLUMNS = 80;

/** `headwater map <file>`. */
export async function runMap(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...MAP_OPTIONS, ...JSON_OPTION },
      allowPositionals: true,
    }),
  );
  const [file = ""] = takePositionals(positionals, ["file"]);
  const { json = false, "discard-local": discardLocal = false, runs } = values;
  const chosen = WAYS.filter((way) => values[way]);
  const [way] = chosen;
  if (chosen.length > 1) {
    throw new UsageError(`${chosen.map((name) => `--${name}`).join(" and ")}: choose one`);
  }
  if (discardLocal && way !== "repair") throw new UsageError("--discard-local needs --repair");
  if (runs !== undefined && way !== "dump") throw new UsageError("--runs needs --dump");
  const mostRuns = runs === undefined ? Number.POSITIVE_INFINITY : parseCount("runs", runs);
  if (way === undefined) return showMap(file, json);
  if (![`${file}.headwater`, `${file}.partial`].some((name) => existsSync(name)))
    throw noCopy(file);
  if (way === "repair") return repair(file, discardLocal, json);
  return way === "check" ? checkMap(file, json) : dumpMap(file, mostRuns);
}

const WAYS = ["check", "dump", "repair"] as const;

async function showMap(file: string, json: boolean): Promise<number> {
  const state = await CopyState.read(file);
  if (state === undefined) throw noCopy(file);
  process.stdout.write(json ? asJson(file, state) : describe(file, state));
  return EXIT.done;
}

function noCopy(file: string): Error {
  return new Error(
    `there is no ${file}.headwater with a map in it: this is no copy of Headwater's`,
  );
}

interface Figures {
  readonly hydratedBytes: number;
  readonly percent: number;
  readonly missing: readonly ByteRange[];
}

function figuresOf(state: CopyState): Figures {
  const { size } = state.map;
  const hydratedBytes = state.hydratedBytesIn(0, size);
  const percent = size === 0 ? 100 : (100 * hydratedBytes) / size;
  return { hydratedBytes, percent, missing: [...state.missing()] };
}

function asJson(file: string, state: CopyState): string {
  const { size, sourceSize, regionSize, identity, written, complete } = state.map;
  const { regionCount, hydratedCount } = state;
  return `${JSON.stringify({
    file,
    size,
    sourceSize,
    regionSize,
    regionCount,
    hydratedCount,
    ...figuresOf(state),
    complete,
    written,
    identity,
  })}\n`;
}

function describe(file: string, state: CopyState): string {
  const { size, regionSize, identity, written, complete } = state.map;
  const { hydratedBytes, percent, missing } = figuresOf(state);
  const whole = missing.length === 0;
  const gaps = `${formatCount(missing.length)} ${missing.length === 1 ? "gap" : "gaps"}`;
  const rows: (readonly [string, string])[] = [
    ["file", complete ? file : `${file}.partial`],
    ["source", identity],
    ["size", `${formatBytes(size)} in regions of ${formatBytes(regionSize)}`],
    ["here", `${formatPercent(percent)}, ${formatBytes(hydratedBytes)}`],
    ["missing", whole ? "nothing" : `${gaps}: bytes ${listRanges(missing)}`],
  ];
  if (written) rows.push(["written", "yes: it differs from its source"]);
  const lines = rows.map(([name, value]) => `${name.padEnd(8)} ${printable(value)}\n`);
  return `${lines.join("")}${picture(state)}\n`;
}

function picture(state: CopyState): string {
  const { stdout } = process;
  const columns = (stdout.isTTY ? stdout.columns : DEFAULT_COLUMNS) - 3;
  const regions = new RegionPicture(state.map.size, (offset, length) =>
    state.hydratedBytesIn(offset, length),
  );
  return `▕${drawCells(regions.cells(columns), paintFor(stdout))}▏`;
}
