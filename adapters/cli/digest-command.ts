import { createReadStream, existsSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { HeadwaterError } from "../../lib/index.ts";
import {
  type MakeManifestOptions,
  type Manifest,
  makeManifest,
  openManifest,
} from "../manifest/index.ts";
import { fileNameOf, takePositionals, understand } from "./command-line.ts";
import { readInOrder } from "./comparison.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { DIGEST_OPTIONS, JSON_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { draw } from "./output.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatPercent, parseSize } from "./quantities.ts";
import { type SourceValues, sourceOpener } from "./source.ts";

/** `headwater digest <file or url> [-o FILE]`. */
export async function runDigest(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...DIGEST_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS },
      allowPositionals: true,
    }),
  );
  const [given = ""] = takePositionals(positionals, ["file or URL"]);
  const url = /^[a-z+]+:\/\//i.test(given) && URL.canParse(given) ? new URL(given) : undefined;
  const name = url === undefined ? basename(given) : fileNameOf(url);
  const { output = `${name}.manifest`, "block-size": size, overwrite = false } = values;
  if (existsSync(output) && !overwrite) {
    throw new HeadwaterError("EXISTS", `${output} exists; choose another file, or set overwrite`);
  }
  const blockSize = size === undefined ? undefined : understand(() => parseSize(size));
  const interruption = new Interruption();
  const { signal } = interruption;
  const work = url === undefined ? ofFile(given, signal) : ofUrl(url, values, signal);
  const made = await interruption.orElse(make(work, output, blockSize)).finally(() => draw(""));
  process.stdout.write(
    values.json ? `${JSON.stringify(summary(output, made))}\n` : describe(output, made),
  );
  return EXIT.done;
}

/** A blob as it comes by, from the beginning to the end. */
interface Passing extends Pick<MakeManifestOptions, "size" | "identity"> {
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

async function ofFile(path: string, signal: AbortSignal): Promise<Passing> {
  const { size } = await stat(path);
  const bytes = createReadStream(path, { highWaterMark: 2 ** 20, signal });
  return { size, bytes, close: () => Promise.resolve() };
}

async function ofUrl(url: URL, values: SourceValues, signal: AbortSignal): Promise<Passing> {
  const opener = await sourceOpener(url, values);
  const source = await opener.open({ signal });
  const { size, identity } = source;
  return { size, identity, bytes: readInOrder(source, signal), close: () => source.close() };
}

async function make(
  work: Promise<Passing>,
  output: string,
  blockSize: number | undefined,
): Promise<Manifest> {
  const { bytes, close, ...rest } = await work;
  try {
    const options = { ...rest, ...(blockSize !== undefined && { blockSize }) };
    const manifest = await makeManifest(told(bytes, rest.size), options);
    await writeWhole(output, manifest);
    return await openManifest(manifest);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  } finally {
    await close();
  }
}

async function* told(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for await (const piece of bytes) {
    yield piece;
    position += piece.length;
    draw(`digested ${formatPercent((100 * position) / size)}`);
  }
}

/** The file is there whole or not at all. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

function summary(manifest: string, { root, size, blockSize, blocks }: Manifest): object {
  return { manifest, root, size, blockSize, blockCount: blocks.regionCount };
}

function describe(path: string, { root, size, blockSize, blocks }: Manifest): string {
  const count = formatCount(blocks.regionCount);
  const what = `${formatBytes(size)} in ${count} blocks of ${formatBytes(blockSize)}`;
  return `${printable(path)}: ${what}\nroot ${root}\n`;
}
