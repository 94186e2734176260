import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileDevice } from "../../adapters/file/index.ts";
import { applyLtx, Crc64, compactLtx, LtxDecoder } from "../../adapters/ltx/index.ts";
import { decodeLz4Block } from "../../adapters/ltx/lz4-block.ts";
import { Lz4BlockEncoder, maxLz4BlockSize } from "../../adapters/ltx/lz4-block-encoder.ts";
import { ltxSample } from "../ltx-sample.ts";
import { inTurns, median, summary } from "../measure.ts";
import { duration, MIB, type Report, type Row, type Subject } from "../report.ts";

const ROUNDS = 15;
const PIECE_SIZE = 256 * 1024;
const UNIT = 4096;
/** What a page of 4 KiB may cost at 150 MB/s. */
const MOST_SECONDS = UNIT / 150e6;

/** How the package lz4js, where it is installed, is called. */
interface Lz4js {
  decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    at: number,
    length: number,
    to: number,
  ): void;
  compressBlock(
    source: Uint8Array,
    target: Uint8Array,
    at: number,
    length: number,
    table: Uint32Array,
  ): number;
}

/** A page, and what it is as an LZ4 block. */
interface Sample {
  readonly page: Uint8Array;
  readonly block: Uint8Array;
}

/** Seconds of this process's CPU, user and system: others on the machine do not count. */
async function costOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
    yield bytes.subarray(at, at + PIECE_SIZE);
  }
}

async function samplesOf(files: readonly Uint8Array[]): Promise<readonly Sample[]> {
  const encoder = new Lz4BlockEncoder();
  const samples: Sample[] = [];
  for (const file of files) {
    const decoder = await LtxDecoder.open(inPieces(file));
    for await (const { bytes: page } of decoder.pages()) {
      const target = new Uint8Array(maxLz4BlockSize(page.length));
      const block = decoder.payload ?? target.subarray(0, encoder.encode(page, target, 0));
      samples.push({ page, block: block.slice() });
    }
  }
  return samples;
}

async function lz4js(): Promise<Lz4js | undefined> {
  const name = "lz4js";
  try {
    return ((await import(name)) as { default: Lz4js }).default;
  } catch {
    return undefined;
  }
}

function rate(seconds: number, bytes: number): string {
  return `${duration(seconds / (bytes / UNIT))} (${(bytes / seconds / 1e6).toFixed(0)} MB/s)`;
}

/** Costs that are compared where there is something to compare with. */
async function race(
  what: string,
  bytes: number,
  ours: () => unknown,
  peer: string,
  theirs: (() => unknown) | undefined,
): Promise<Row> {
  const other = theirs ?? ours;
  const pairs = await inTurns(
    ROUNDS,
    () => costOf(ours),
    () => costOf(other),
  );
  const costs = summary(pairs);
  return {
    what,
    ours: rate(costs.ours, bytes),
    theirs:
      theirs === undefined ? `${peer} is not installed` : `${peer}: ${rate(costs.theirs, bytes)}`,
    figure: theirs === undefined ? 1 : costs.ratio,
    target: undefined,
  };
}

async function restoreRow(
  folder: string,
  files: readonly Uint8Array[],
  bytes: number,
): Promise<Row> {
  const costs: number[] = [];
  const paths = await Promise.all(
    files.map(async (file, index) => {
      const path = join(folder, `${index}.ltx`);
      await writeFile(path, file);
      return path;
    }),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const path = join(folder, `restored-${round}.db`);
    await using database = await FileDevice.create(path, 0);
    costs.push(
      await costOf(async () => {
        for (const from of paths) {
          await using source = await FileDevice.open(from);
          await applyLtx(piecesOf(source), database);
        }
      }),
    );
  }
  const seconds = median(costs);
  const each = seconds / (bytes / UNIT);
  return {
    what: "restore from files into a file, µs for 4 KiB",
    ours: rate(seconds, bytes),
    theirs: `150 MB/s: ${duration(MOST_SECONDS)}`,
    figure: each * 1e6,
    target: Number((MOST_SECONDS * 1e6).toFixed(1)),
  };
}

async function* piecesOf(source: FileDevice): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < source.size; at += PIECE_SIZE) {
    yield await source.read(at, Math.min(PIECE_SIZE, source.size - at));
  }
}

async function compactionRow(files: readonly Uint8Array[], bytes: number): Promise<Row> {
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    costs.push(await costOf(() => compactLtx(files.map(inPieces), () => {})));
  }
  const seconds = median(costs);
  const ours = rate(seconds, bytes);
  const figure = (seconds / (bytes / UNIT)) * 1e6;
  return { what: "compact all, µs for 4 KiB read", ours, theirs: "", figure, target: undefined };
}

/** What it costs to read and to write LTX files. */
export const ltxFilesSubject: Subject = {
  letter: "l",
  title: "LTX files: restore, compact, LZ4 and checksums, in CPU time",

  async run(bench): Promise<Report> {
    const { files, origin } = await ltxSample();
    const samples = await samplesOf(files);
    const bytes = samples.reduce((sum, { page }) => sum + page.length, 0);
    const packed = samples.reduce((sum, { block }) => sum + block.length, 0);
    const peer = await lz4js();
    const target = new Uint8Array(maxLz4BlockSize(65_536));
    const page = target.subarray(0, samples[0]?.page.length);
    const table = new Uint32Array(65_536);
    const encoder = new Lz4BlockEncoder();
    const each = (work: (sample: Sample) => unknown): (() => void) => {
      return () => {
        for (const sample of samples) work(sample);
      };
    };
    const rows = [
      await restoreRow(bench.folder, files, bytes),
      await compactionRow(files, bytes),
      await race(
        "decompress LZ4 blocks",
        bytes,
        each(({ block }) => decodeLz4Block(block, 0, block.length, page)),
        "lz4js",
        peer && each(({ block }) => peer.decompressBlock(block, page, 0, block.length, 0)),
      ),
      await race(
        "compress LZ4 blocks",
        bytes,
        each((sample) => encoder.encode(sample.page, target, 0)),
        "lz4js",
        peer &&
          each((sample) => peer.compressBlock(sample.page, target, 0, page.length, table.fill(0))),
      ),
      await race(
        "CRC-64/ISO",
        bytes,
        each((sample) => new Crc64().update(sample.page).value),
        "sha256 of node:crypto",
        each((sample) => createHash("sha256").update(sample.page).digest()),
      ),
    ];
    const share = Math.round((100 * packed) / bytes);
    return {
      rows,
      notes: [
        `${origin}: ${files.length} files with ${samples.length} pages, ${Math.round(bytes / MIB)} MiB, ` +
          `compressed to ${share} %. Medians of ${ROUNDS} rounds, CPU time of this process for 4 KiB of ` +
          "pages; the file checksum is verified in the first two.",
      ],
    };
  },
};
