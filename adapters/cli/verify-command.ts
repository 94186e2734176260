import { type FileHandle, open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { HeadwaterError } from "../../lib/index.ts";
import { joined, openManifest, wrongBlocks } from "../manifest/index.ts";
import { parseUrl, takePositionals, understand } from "./command-line.ts";
import { compareWithFile, type Differences, readFileInto } from "./comparison.ts";
import { CopyState } from "./copy-state.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { JSON_OPTION, MANIFEST_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { draw } from "./output.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatPercent } from "./quantities.ts";
import { listRanges } from "./sentences.ts";
import { httpOptionsFrom, type SourceValues, sourceOpener } from "./source.ts";

interface Verdict extends Differences {
  readonly same: boolean;
  readonly file: string;
  readonly against: "source" | "manifest";
  readonly fileSize: number;
  /** What the source, or the manifest, has. */
  readonly sourceSize: number;
  /** Whether the file was written to through Headwater, and so is meant to differ. */
  readonly written: boolean;
}

/** `headwater verify <url> <file>`, or `headwater verify <file> --manifest <where>`. */
export async function runVerify(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...MANIFEST_OPTION, ...JSON_OPTION, ...SOURCE_OPTIONS },
      allowPositionals: true,
    }),
  );
  const { manifest } = values;
  const names = manifest === undefined ? ["URL", "file"] : ["file"];
  const [given = "", path = ""] = takePositionals(positionals, names);
  const interruption = new Interruption();
  const { signal } = interruption;
  const verifying =
    manifest === undefined
      ? verify(parseUrl(given), path, values, signal)
      : verifyBlocks(given, manifest, values, signal);
  const verdict = await interruption.orElse(verifying).finally(() => draw(""));
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
      const about = { file: path, against: "source", fileSize, sourceSize: source.size } as const;
      const written = record?.map.written ?? false;
      if (fileSize !== source.size) {
        return { same: false, ...about, written, byteCount: 0, ranges: [] };
      }
      const { byteCount, ranges } = await compareWithFile(source, file, signal, (compared) =>
        draw(`compared ${formatPercent((100 * compared) / source.size)}`),
      );
      return { same: byteCount === 0, ...about, written, byteCount, ranges };
    } finally {
      await source.close();
    }
  } finally {
    await file.close();
  }
}

/** Says which blocks differ; of those, every byte counts as different. */
async function verifyBlocks(
  path: string,
  place: string,
  values: SourceValues,
  signal: AbortSignal,
): Promise<Verdict> {
  const record = await CopyState.read(path);
  const file = await openWhole(path, record);
  try {
    await using manifest = await openManifest(place, { signal, http: httpOptionsFrom(values) });
    const { size: fileSize } = await file.stat();
    const { size: sourceSize } = manifest;
    const about = { file: path, against: "manifest", fileSize, sourceSize } as const;
    const written = record?.map.written ?? false;
    if (fileSize !== sourceSize) {
      return { same: false, ...about, written, byteCount: 0, ranges: [] };
    }
    const local = {
      ranges: () => [{ offset: 0, length: fileSize }],
      readInto: (offset: number, target: Uint8Array) => readFileInto(file, offset, target),
    };
    const checked = (position: number): void =>
      draw(`verified ${formatPercent((100 * position) / fileSize)}`);
    const ranges = await joined(wrongBlocks(manifest, local, { signal, checked }));
    const byteCount = ranges.reduce((sum, { length }) => sum + length, 0);
    return { same: byteCount === 0, ...about, written, byteCount, ranges };
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

function describe(verdict: Verdict): string {
  const { same, file, against, fileSize, sourceSize, written, byteCount, ranges } = verdict;
  const name = printable(file);
  if (same && against === "manifest") {
    return `${name} is as its manifest says: ${formatCount(fileSize)} bytes verified\n`;
  }
  if (same) return `${name} is the same as its source: ${formatCount(fileSize)} bytes compared\n`;
  const why = written ? " (it was written to through Headwater)" : "";
  if (fileSize !== sourceSize) {
    const sizes = `${formatBytes(fileSize)} (${formatCount(fileSize)} bytes)`;
    return `${name} differs${why}: it has ${sizes}, its ${against} ${formatCount(sourceSize)}\n`;
  }
  const bytes = `${formatCount(byteCount)} ${byteCount === 1 ? "byte" : "bytes"}`;
  if (against === "manifest") {
    return `${name} differs${why} in blocks of ${bytes}, at ${listRanges(ranges)}\n`;
  }
  return `${name} differs${why} in ${bytes}, at ${listRanges(ranges)}\n`;
}
