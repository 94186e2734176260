import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { LtxEncoder, NO_CHECKSUM } from "../adapters/ltx/index.ts";
import { seeded } from "./measure.ts";

/** LTX files that follow one another, and where they come from. */
export interface LtxSample {
  readonly files: readonly Uint8Array[];
  readonly origin: string;
}

const PAGE_SIZE = 4096;
const PAGES = 16_384;
/** Files after the snapshot, and the pages that each changes. */
const LATER_FILES = 15;
const CHANGES = 400;

/**
 * The files of the replica that `HEADWATER_LTX_BIG` names, the folder of one level; without it, of
 * a database of 64 MiB that is made up.
 */
export async function ltxSample(): Promise<LtxSample> {
  const { HEADWATER_LTX_BIG: folder } = process.env;
  if (folder === undefined) return { files: await madeFiles(), origin: "64 MiB of made-up rows" };
  const names = (await readdir(folder)).filter((name) => name.endsWith(".ltx")).sort();
  if (names.length === 0) throw new Error("HEADWATER_LTX_BIG names a folder without LTX files");
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return { files, origin: "the replica that HEADWATER_LTX_BIG names" };
}

async function madeFiles(): Promise<readonly Uint8Array[]> {
  const random = seeded(8);
  const every = Array.from({ length: PAGES }, (_, index) => index + 1);
  const files = [await madeFile(1n, every, random)];
  for (let later = 2; later < LATER_FILES + 2; later++) {
    const pgnos = new Set(Array.from({ length: CHANGES }, () => 1 + Math.floor(random() * PAGES)));
    files.push(
      await madeFile(
        BigInt(later),
        [...pgnos].sort((a, b) => a - b),
        random,
      ),
    );
  }
  return files;
}

async function madeFile(
  txid: bigint,
  pgnos: readonly number[],
  random: () => number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const header = {
    flags: NO_CHECKSUM,
    pageSize: PAGE_SIZE,
    commit: PAGES,
    minTxid: txid,
    maxTxid: txid,
    timestamp: 0,
    preApplyChecksum: 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: 0n,
  };
  const encoder = new LtxEncoder(header, (bytes) => void pieces.push(bytes));
  for (const pgno of pgnos) await encoder.add(pgno, madePage(random));
  await encoder.finish();
  return Buffer.concat(pieces);
}

/** Rows as tables have them: names that repeat, and numbers that do not. */
function madePage(random: () => number): Uint8Array {
  const page = Buffer.alloc(PAGE_SIZE);
  let at = 8;
  while (at < PAGE_SIZE - 160) {
    const id = Math.floor(random() * 1e9);
    const row = {
      id,
      kind: `kind ${id % 17}`,
      body: (random() * 2 ** 52).toString(36),
      n: random(),
    };
    at += page.write(JSON.stringify(row), at);
  }
  return page;
}
