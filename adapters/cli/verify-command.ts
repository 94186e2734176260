import { type FileHandle, open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { HeadwaterError } from "../../lib/index.ts";
import { parseUrl, takePositionals, understand } from "./command-line.ts";
import { compareWithFile, type Differences } from "./comparison.ts";
import { CopyState } from "./copy-state.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { JSON_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatPercent } from "./quantities.ts";
import { listRanges } from "./sentences.ts";
import { type SourceValues, sourceOpener } from "./source.ts";

interface Verdict extends Differences {
  readonly same: boolean;
  readonly file: string;
  readonly fileSize: number;
  readonly sourceSize: number;
  /** Whether the file was written to through Headwater, and so is meant to differ. */
  readonly written: boolean;
}

/** `headwater verify <url> <file>`. */
export async function runVerify(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...JSON_OPTION, ...SOURCE_OPTIONS },
      allowPositionals: true,
    }),
  );
  const [given = "", path = ""] = takePositionals(positionals, ["URL", "file"]);
  const url = parseUrl(given);
  const interruption = new Interruption();
  const { signal } = interruption;
  const verdict = await interruption
    .orElse(verify(url, path, values, signal))
    .finally(() => draw(""));
  process.stdout.write(values.json ? `${JSON.stringify(verdict)}\n` : describe(verdict));
  return verdict.same ? EXIT.done : EXIT.failed;
}

async function verify(
  url: URL,
  path: string,
  values: SourceValues,
  signal: AbortSignal,
): Promise<Verdict> {
  const record = await CopyState.read(path);
  const file = await openWhole(path, record);
  try {
    const opener = await sourceOpener(url, values);
    const source = await opener.open({ signal });
    try {
      const identity = record?.map.identity;
      // A copy of the same thing from another place may be verified too: its bytes decide.
      if (identity !== undefined && opener.recognizes(identity) && identity !== source.identity) {
        const message = `the copy is of ${identity}, and the source is ${source.identity} now`;
        throw new HeadwaterError("SOURCE_CHANGED", message);
      }
      const { size: fileSize } = await file.stat();
      const sizes = { fileSize, sourceSize: source.size };
      const written = record?.map.written ?? false;
      if (fileSize !== source.size) {
        return { same: false, file: path, ...sizes, written, byteCount: 0, ranges: [] };
      }
      const { byteCount, ranges } = await compareWithFile(source, file, signal, (compared) =>
        draw(`compared ${formatPercent((100 * compared) / source.size)}`),
      );
      return { same: byteCount === 0, file: path, ...sizes, written, byteCount, ranges };
    } finally {
      await source.close();
    }
  } finally {
    await file.close();
  }
}

async function openWhole(path: string, record: CopyState | undefined): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (record !== undefined && !record.map.complete) {
      throw new Error(`${path} is not whole yet; "headwater <url> ${path}" fetches the rest`);
    }
    throw error;
  }
}

/** Over what was drawn before, where there is a terminal to draw on. */
function draw(line: string): void {
  if (!process.stderr.isTTY || process.env.TERM === "dumb") return;
  process.stderr.write(`\r${line}\x1b[K`);
}

function describe(verdict: Verdict): string {
  const { same, file, fileSize, sourceSize, written, byteCount, ranges } = verdict;
  const name = printable(file);
  if (same) return `${name} is the same as its source: ${formatCount(fileSize)} bytes compared\n`;
  const why = written ? " (it was written to through Headwater)" : "";
  if (fileSize !== sourceSize) {
    const sizes = `${formatBytes(fileSize)} (${formatCount(fileSize)} bytes)`;
    return `${name} differs${why}: it has ${sizes}, its source ${formatCount(sourceSize)}\n`;
  }
  const bytes = `${formatCount(byteCount)} ${byteCount === 1 ? "byte" : "bytes"}`;
  return `${name} differs${why} in ${bytes}, at ${listRanges(ranges)}\n`;
}
