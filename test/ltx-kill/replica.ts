import { createReadStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { History, keyOf, makePage, makePages, type Pages } from "../ltx-history.ts";

/** A replica as it is at one time. */
export interface Stage {
  /** With the files of the replica. */
  readonly folder: string;
  /** A file with the newest database, as a copy shows it. */
  readonly model: string;
}

const PAGE_SIZE = 4096;
/** Transactions that are in the replica before a copy begins. */
const EARLY = 9;

/**
 * Makes a replica in two folders: as it is when a copy begins, and as it is later, when most of the
 * database was rewritten, has shrunk and grown, and its files were compacted into others on higher
 * levels and removed.
 *
 * @param pages of the database, about.
 */
export async function makeReplica(
  folder: string,
  pages: number,
): Promise<readonly [before: Stage, after: Stage]> {
  const history = new History(PAGE_SIZE);
  await commit(history, pages, makePages(PAGE_SIZE, 1, pages, 0));
  while (history.txid < EARLY) await change(history, pages, 200);
  await history.compact(1, 2, 4);
  await compactAway(history, 2, 5, 7);
  const before = await store(history, join(folder, "before"));

  for (let count = 0; count < 7; count += 1) await change(history, pages, 10);
  const fewest = pages - Math.ceil(pages / 5);
  await commit(history, fewest, makePages(PAGE_SIZE, 2, 2, history.txid));
  for (let count = 0; count < 3; count += 1) await change(history, fewest, 10);
  const most = pages + Math.ceil(pages / 10);
  // What was cut off and lies before these is zeros.
  const grown = makePages(PAGE_SIZE, pages - Math.ceil(pages / 50), most, history.txid);
  await commit(history, most, grown);
  for (let count = 0; count < 3; count += 1) await change(history, most, 10);
  await compactAway(history, 3, EARLY - 2, EARLY + 5);
  await compactAway(history, 2, EARLY + 6, EARLY + 11);
  await compactAway(history, 1, EARLY + 12, history.txid - 2);
  await history.compact(9, 1, EARLY + 3);
  return [before, await store(history, join(folder, "after"))];
}

/** Rewrites one part of so many, and a page here and there. */
async function change(history: History, pages: number, parts: number): Promise<void> {
  const seed = history.txid;
  const length = Math.floor(pages / parts);
  const first = 2 + ((seed * 7 * length) % (pages - length - 2));
  const changed: Record<number, Uint8Array> = {};
  Object.assign(changed, makePages(PAGE_SIZE, first, first + length, seed));
  for (let pgno = 1 + seed; pgno <= pages; pgno += 997) {
    changed[pgno] = makePage(PAGE_SIZE, pgno, seed);
  }
  await commit(history, pages, changed);
}

/** Every transaction writes the first page, and that looks like SQLite's. */
async function commit(history: History, pages: number, changed: Pages): Promise<void> {
  const first = makePage(PAGE_SIZE, 1, history.txid);
  first.set(new TextEncoder().encode("SQLite format 3\0"));
  first.set([2, 2], 18);
  await history.commit(pages, { ...changed, 1: first });
  history.states[history.txid - 1] = new Uint8Array(); // only the newest is needed
}

async function compactAway(
  history: History,
  level: number,
  min: number,
  max: number,
): Promise<void> {
  await history.compact(level, min, max);
  for (let txid = min; txid <= max; txid += 1) {
    if (history.store.objects.has(keyOf(0, txid, txid))) history.remove(0, txid, txid);
  }
}

async function store(history: History, folder: string): Promise<Stage> {
  for (const [key, bytes] of history.store.objects) {
    const path = join(folder, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  const model = `${folder}.db`;
  await writeFile(model, shown(history));
  return { folder, model };
}

/** The newest database with the first page that a copy has of it. */
function shown({ newest, txid, pageSize }: History): Uint8Array {
  const database = newest.slice();
  const view = new DataView(database.buffer);
  database.set([1, 1], 18);
  view.setUint32(24, txid);
  view.setUint32(28, newest.length / pageSize);
  view.setUint32(92, txid);
  return database;
}

/** Where two files first differ; undefined where they are the same. */
export async function difference(path: string, model: string): Promise<string | undefined> {
  const sizes = await Promise.all([path, model].map(async (file) => (await stat(file)).size));
  if (sizes[0] !== sizes[1]) return `${sizes[0]} bytes, not ${sizes[1]}`;
  const options = { highWaterMark: 2 ** 20 };
  const other = createReadStream(model, options)[Symbol.asyncIterator]();
  let offset = 0;
  for await (const piece of createReadStream(path, options)) {
    const expected: Buffer = (await other.next()).value;
    if (!expected.equals(piece)) return `other bytes at ${offset} or behind`;
    offset += expected.length;
  }
  return undefined;
}
