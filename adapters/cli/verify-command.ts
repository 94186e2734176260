import { type FileHandle, open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { HeadwaterError, type SourceOpener } from "../../lib/index.ts";
import { joined, openManifest, wrongBlocks } from "../manifest/index.ts";
import { parseUrl, takePositionals, understand } from "./command-line.ts";
import { compareWithFile, type Differences, readFileInto } from "./comparison.ts";
import { CopyState } from "./copy-state.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { CHECKSUM_OPTION, JSON_OPTION, MANIFEST_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { draw } from "./output.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatPercent } from "./quantities.ts";
import { listRanges } from "./sentences.ts";
import { httpOptionsFrom, isS3, type SourceValues, s3OptionsFrom, sourceOpener } from "./source.ts";

interface Verdict extends Differences {
  readonly same: boolean;
  readonly file: string;
  readonly against: "source" | "manifest" | "checksum";
  /** Of the checksum. */
  readonly algorithm?: string;
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
      options: { ...MANIFEST_OPTION, ...CHECKSUM_OPTION, ...JSON_OPTION, ...SOURCE_OPTIONS },
      allowPositionals: true,
    }),
  );
  const { manifest, checksum = false } = values;
  const names = manifest === undefined ? ["URL", "file"] : ["file"];
  const [given = "", path = ""] = takePositionals(positionals, names);
  const interruption = new Interruption();
  const { signal } = interruption;
  const verifying =
    manifest === undefined
      ? verifyUrl(parseUrl(given), path, checksum, values, signal)
      : verifyBlocks(given, manifest, values, signal);
  const verdict = await interruption.orElse(verifying).finally(() => draw(""));
  process.stdout.write(values.json ? `${JSON.stringify(verdict)}\n` : describe(verdict));
  return verdict.same ? EXIT.done : EXIT.failed;
}

function verifyUrl(
  url: URL,
  path: string,
  checksum: boolean,
  values: SourceValues,
  signal: AbortSignal,
): Promise<Verdict> {
  if (!checksum) return verify(url, path, values, signal);
  if (!isS3(url)) throw new UsageError("--checksum is for s3: URLs");
  return verifyChecksum(url, path, values, signal);
}

/** Reads the file, and asks the store what it should be. */
async function verifyChecksum(
  url: URL,
  path: string,
  values: SourceValues,
  signal: AbortSignal,
): Promise<Verdict> {
  const { s3, verifyByChecksum } = await import("../s3/index.ts");
  const record = await CopyState.read(path);
  await (await openWhole(path, record)).close();
  const options = s3OptionsFrom(values);
  const checked = (position: number): void => draw(`verified ${formatBytes(position)}`);
  const found = await verifyByChecksum(path, url, { ...options, signal, checked });
  const { identity, size: sourceSize, fileSize, algorithm, ranges } = found;
  checkIdentity(record, s3(url, options), identity);
  return {
    same: fileSize === sourceSize && ranges.length === 0,
    ...{ file: path, against: "checksum", algorithm, fileSize, sourceSize },
    written: record?.map.written ?? false,
    byteCount: ranges.reduce((sum, { length }) => sum + length, 0),
    ranges,
  };
}

/** A copy of the same thing from another place may be verified too: its bytes decide. */
function checkIdentity(
  record: CopyState | undefined,
  opener: SourceOpener,
  identity: string,
): void {
  const found = record?.map.identity;
  if (found === undefined || !opener.recognizes(found) || found === identity) return;
  const message = `the copy is of ${found}, and the source is ${identity} now`;
  throw new HeadwaterError("SOURCE_CHANGED", message);
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
      checkIdentity(record, opener, source.identity);
      const whole = { path, record, file };
      return await judge(whole, "source", source.size, () =>
        compareWithFile(source, file, signal, (compared) =>
          draw(`compared ${formatPercent((100 * compared) / source.size)}`),
        ),
      );
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
    const { size } = manifest;
    return await judge({ path, record, file }, "manifest", size, async () => {
      const local = {
        ranges: () => [{ offset: 0, length: size }],
        readInto: (offset: number, target: Uint8Array) => readFileInto(file, offset, target),
      };
      const checked = (position: number): void =>
        draw(`verified ${formatPercent((100 * position) / size)}`);
      const ranges = await joined(wrongBlocks(manifest, local, { signal, checked }));
      return { byteCount: ranges.reduce((sum, { length }) => sum + length, 0), ranges };
    });
  } finally {
    await file.close();
  }
}

interface WholeFile {
  readonly path: string;
  /** Of the copy that became it. */
  readonly record: CopyState | undefined;
  readonly file: FileHandle;
}

/** @param compare is asked what differs where the sizes are equal. */
async function judge(
  { path, record, file }: WholeFile,
  against: "source" | "manifest",
  sourceSize: number,
  compare: () => Promise<Pick<Verdict, "byteCount" | "ranges">>,
): Promise<Verdict> {
  const { size: fileSize } = await file.stat();
  const isSized = fileSize === sourceSize;
  const { byteCount, ranges } = isSized ? await compare() : { byteCount: 0, ranges: [] };
  const written = record?.map.written ?? false;
  const about = { file: path, against, fileSize, sourceSize, written };
  return { same: isSized && byteCount === 0, ...about, byteCount, ranges };
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
  if (same && against === "checksum") {
    const how = `is as the checksum of its source says (${verdict.algorithm})`;
    return `${name} ${how}: ${formatCount(fileSize)} bytes verified\n`;
  }
  if (same) return `${name} is the same as its source: ${formatCount(fileSize)} bytes compared\n`;
  const why = written ? " (it was written to through Headwater)" : "";
  if (fileSize !== sourceSize) {
    const sizes = `${formatBytes(fileSize)} (${formatCount(fileSize)} bytes)`;
    return `${name} differs${why}: it has ${sizes}, its ${against === "manifest" ? against : "source"} ${formatCount(sourceSize)}\n`;
  }
  const bytes = `${formatCount(byteCount)} ${byteCount === 1 ? "byte" : "bytes"}`;
  if (against !== "source") {
    return `${name} differs${why} in blocks of ${bytes}, at ${listRanges(ranges)}\n`;
  }
  return `${name} differs${why} in ${bytes}, at ${listRanges(ranges)}\n`;
}
