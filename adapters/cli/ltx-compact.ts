import { closeSync, createReadStream, existsSync, openSync, readSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { HeadwaterError } from "../../lib/index.ts";
import { compactLtx, HEADER_SIZE, type LtxHeader, parseHeader } from "../ltx/index.ts";
import { understand } from "./command-line.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { HYDRATE_OPTIONS, JSON_OPTION, OUTPUT_OPTIONS } from "./options.ts";
import { printable } from "./printable.ts";
import { formatBytes } from "./quantities.ts";

const { overwrite } = HYDRATE_OPTIONS;

/** `headwater ltx compact <files> -o <file>`. */
export async function runCompact(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...OUTPUT_OPTIONS, overwrite, ...JSON_OPTION },
      allowPositionals: true,
    }),
  );
  const { output } = values;
  if (output === undefined) throw new UsageError("say what to write: -o FILE");
  if (positionals.length === 0) throw new UsageError("the LTX files are missing");
  if (existsSync(output) && values.overwrite !== true) {
    throw new HeadwaterError("EXISTS", `${output} exists; choose another file, or set overwrite`);
  }
  const interruption = new Interruption();
  const { header, size } = await interruption.orElse(
    compact(inOrder(positionals), output, interruption.signal),
  );
  const { minTxid, maxTxid, commit, pageSize } = header;
  if (values.json) {
    const txids = { minTxid: `${minTxid}`, maxTxid: `${maxTxid}` };
    process.stdout.write(`${JSON.stringify({ file: output, size, ...txids, commit, pageSize })}\n`);
  } else {
    const what = `TXIDs ${minTxid} to ${maxTxid} of a database of ${commit} pages`;
    process.stdout.write(`${printable(output)}: ${what}, ${formatBytes(size)}\n`);
  }
  return EXIT.done;
}

/** By their transactions, in whatever order they were named. */
function inOrder(paths: readonly string[]): readonly string[] {
  const headers = paths.map((path) => ({ path, header: readHeader(path) }));
  headers.sort((one, other) => (one.header.maxTxid < other.header.maxTxid ? -1 : 1));
  return headers.map(({ path }) => path);
}

function readHeader(path: string): LtxHeader {
  const bytes = new Uint8Array(HEADER_SIZE);
  const file = openSync(path, "r");
  try {
    const length = readSync(file, bytes, 0, HEADER_SIZE, 0);
    return parseHeader(bytes.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

/** The output is there whole or not at all. */
async function compact(
  inputs: readonly string[],
  output: string,
  signal: AbortSignal,
): Promise<{ header: LtxHeader; size: number }> {
  const temporary = `${output}.${process.pid}.tmp`;
  const file = await open(temporary, "wx");
  try {
    let size = 0;
    const write = async (bytes: Uint8Array): Promise<void> => {
      size += bytes.length;
      await file.writeFile(bytes);
    };
    const streams = inputs.map((path) => createReadStream(path));
    const { header } = await compactLtx(streams, write, { signal });
    await file.sync();
    await rename(temporary, output);
    return { header, size };
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}
