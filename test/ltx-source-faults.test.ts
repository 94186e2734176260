import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import {
  type LitestreamOptions,
  type LtxSource,
  litestream,
  locatePageIndex,
} from "../adapters/ltx/index.ts";
import { HeadwaterError } from "../lib/index.ts";
import type { MemoryObjects } from "./devices/memory-objects.ts";
import { History, keyOf, makePage, makePages } from "./ltx-history.ts";
import { encodeFile, plainHeader } from "./ltx-writing.ts";
import { failure } from "./rejection.ts";

const test = suite("LTX source in trouble");

const PAGE = 1024;

async function open(store: MemoryObjects, options: LitestreamOptions = {}): Promise<LtxSource> {
  return (await litestream(store, options).open()) as LtxSource;
}

/** Changes a byte of a file, where its size and its place in it stay the same. */
function flip(store: MemoryObjects, key: string, at: number): void {
  const bytes = store.objects.get(key)?.slice();
  if (bytes === undefined) throw new Error(`there is no ${key}`);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  store.objects.set(key, bytes);
}

/** In the literals of a page, where a change does not break the compression. */
function literalOf(source: LtxSource, pgno: number): number {
  const place = source.assembly.pages.placeOf(pgno);
  const extents = source.assembly.pages.files[place?.file ?? 0];
  if (place === undefined || extents === undefined) throw new Error(`page ${pgno} is nowhere`);
  return (extents.file.index.offsets[extents.liveFrame(place.extent)] ?? 0) + 100;
}

async function snapshot(pages: number): Promise<History> {
  const history = new History(PAGE);
  await history.commit(pages, makePages(PAGE, 1, pages, 1));
  return history;
}

test("a flipped byte in a file that was fetched whole is found before a page of it is given", async () => {
  const { store } = await snapshot(50);
  const at = literalOf(await open(store), 20);
  flip(store, keyOf(0, 1, 1), at);
  const source = await open(store);
  for (const offset of [0, 30 * PAGE]) {
    const error = await failure(source.read(offset, PAGE));
    assert.is(error.code, "CORRUPT");
    assert.match(error.message, `${keyOf(0, 1, 1)}: its checksum is`);
  }
  await source.close();
});

test("a flipped byte in a larger file is found when the last of its pages came", async () => {
  const history = await snapshot(50);
  await history.commit(50, makePages(PAGE, 30, 33, 2)); // a little of it is superseded
  const { store } = history;
  const at = literalOf(await open(store), 20);
  flip(store, keyOf(0, 1, 1), at);
  const source = await open(store, { wholeFileSize: 0 });
  await source.read(0, 49 * PAGE); // nobody can tell yet
  const error = await failure(source.read(49 * PAGE, PAGE));
  assert.match(error.message, `${keyOf(0, 1, 1)}: its checksum is`);
  const again = await failure(source.read(0, PAGE));
  assert.is(again.code, "CORRUPT");
  await source.close();
});

test("a page that was read once is never given in another version", async () => {
  const history = await snapshot(400);
  for (let seed = 2; seed < 6; seed += 1) {
    const pages: Record<number, Uint8Array> = {};
    for (let pgno = seed; pgno < 400; pgno += 4) pages[pgno] = makePage(PAGE, pgno, seed);
    await history.commit(400, pages);
  }
  const source = await open(history.store, { wholeFileSize: 0 });
  const first = await source.read(99 * PAGE, PAGE);
  const place = source.assembly.pages.placeOf(100);
  const { key } = source.assembly.pages.files[place?.file ?? 0]?.file.object ?? { key: "" };
  flip(history.store, key, literalOf(source, 100));
  const error = await failure(source.read(99 * PAGE, PAGE));
  assert.match(error.message, "page 100 is not what it was when it was read before");
  flip(history.store, key, literalOf(source, 100));
  assert.equal(await source.read(99 * PAGE, PAGE), first);
  await source.close();
});

test("a frame that is none is told with its page and file, and others are still given", async () => {
  const { store } = await snapshot(50);
  const source = await open(store, { wholeFileSize: 0 });
  flip(store, keyOf(0, 1, 1), literalOf(source, 20) - 100 + 3); // its page number
  const error = await failure(source.read(19 * PAGE, PAGE));
  assert.match(error.message, /0000000000000001\.ltx: page 20: at \d+ is the frame of page 21/);
  const pieces: number[] = [];
  const rest = source.stream(10 * PAGE, 20 * PAGE);
  await failure(
    (async () => {
      for await (const piece of rest) pieces.push(piece.length);
    })(),
  );
  const given = pieces.reduce((sum, length) => sum + length, 0);
  assert.is(given, 9 * PAGE, "the pages before it");
  await source.close();
});

test("a flipped byte in files that were fetched whole is found, or leaves every page as it was", async () => {
  const history = await snapshot(30);
  await history.commit(30, makePages(PAGE, 5, 20, 2));
  const { store, newest } = history;
  const sound = new Map(store.objects);
  let found = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    for (const [key, bytes] of sound) store.objects.set(key, bytes);
    const key = keyOf(0, 1 + (seed % 2), 1 + (seed % 2));
    const { length = 0 } = sound.get(key) ?? {};
    flip(store, key, (seed * 2654435761) % length);
    try {
      const source = await open(store);
      const bytes = await source.read(0, source.size);
      assert.is(Buffer.compare(bytes, newest), 0, `a flipped byte went unnoticed: seed ${seed}`);
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      found += 1;
    }
  }
  assert.ok(found > 150, `${found} found`);
});

/** Three transactions, of which the second has page 5, and says in its index that it is page 7. */
async function hidingPage5(): Promise<History> {
  const history = await snapshot(10);
  for (const pgnos of [
    [3, 5, 9],
    [3, 7, 9],
  ]) {
    const seed = history.txid + 1;
    await history.commit(10, Object.fromEntries(pgnos.map((n) => [n, makePage(PAGE, n, seed)])));
  }
  const key = keyOf(0, 2, 2);
  const bytes = (history.store.objects.get(key) ?? new Uint8Array()).slice();
  const { offset } = locatePageIndex(bytes, bytes.length);
  const second = offset + 4; // an entry of a page number, an offset and two bytes of a size
  assert.is(bytes[second], 5);
  bytes[second] = 7;
  history.store.objects.set(key, bytes);
  return history;
}

test("a page is not hydrated that a damaged file may have in a newer version", async () => {
  const { store } = await hidingPage5();
  const source = await open(store);
  for (const by of ["background", "demand"] as const) {
    const error = await failure(source.read(4 * PAGE, PAGE, { class: by }));
    assert.is(error.code, "CORRUPT");
    assert.match(error.message, `${keyOf(0, 2, 2)}: page 7: at`);
  }
  const zeros = async (): Promise<void> => {
    for await (const _ of source.zeros(0, source.size)) assert.unreachable();
  };
  assert.is((await failure(zeros())).code, "CORRUPT");
  await source.close();
});

test("a damaged file does not say what has changed", async () => {
  for (const isInPlan of [true, false]) {
    const history = await hidingPage5();
    history.store.objects.set(keyOf(9, 1, 3), await snapshotOf(history));
    if (isInPlan) history.store.objects.delete(keyOf(9, 1, 3));
    const source = await open(history.store);
    const error = await failure(source.changedSince("memory://replica txid=0000000000000001"));
    assert.match(error.message, keyOf(0, 2, 2));
    await source.close();
  }
});

/** The newest database as one file. */
async function snapshotOf({ newest, txid }: History): Promise<Uint8Array> {
  const pages: Record<number, Uint8Array> = {};
  for (let at = 0; at < newest.length; at += PAGE) {
    pages[at / PAGE + 1] = newest.slice(at, at + PAGE);
  }
  const part = { commit: newest.length / PAGE, pageSize: PAGE, maxTxid: BigInt(txid) };
  return encodeFile({ header: plainHeader(part), pages });
}

test("what a file cut off is in doubt once it failed its checksum, and so is what is older", async () => {
  const history = await snapshot(50);
  await history.commit(40, makePages(PAGE, 1, 35, 2));
  await history.commit(50, makePages(PAGE, 41, 50, 3));
  const { store, newest } = history;
  const bytes = store.objects.get(keyOf(0, 2, 2)) ?? new Uint8Array();
  new DataView(bytes.buffer).setUint32(12, 38);
  const source = await open(store, { wholeFileSize: 0 });
  const cut = await source.read(38 * PAGE, PAGE);
  assert.ok(cut.every((byte) => byte === 0)); // nobody can tell yet
  assert.match((await failure(source.read(0, 35 * PAGE))).message, "its checksum is");
  for (const page of [38, 36, 3]) {
    const error = await failure(source.read(page * PAGE, PAGE));
    assert.match(error.message, `${keyOf(0, 2, 2)}: its checksum is`);
  }
  const newer = await source.read(44 * PAGE, PAGE);
  assert.equal(newer, newest.slice(44 * PAGE, 45 * PAGE));
  await source.close();
});

test("files that are compacted away while they are read are made up for by their successors", async () => {
  const history = new History(PAGE);
  await history.commit(600, makePages(PAGE, 1, 600, 0));
  for (let seed = 1; seed <= 9; seed += 1) {
    await history.commit(600, makePages(PAGE, seed * 50, seed * 50 + 60, seed));
  }
  const { store, newest } = history;
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-"));
  try {
    const file = join(folder, "db");
    const source = await open(store, { wholeFileSize: 0 });
    const clone = await hydrate(source, file, { regionSize: 4096 });
    const move = async (): Promise<void> => {
      await history.compact(1, 2, 5);
      for (let txid = 2; txid <= 5; txid += 1) history.remove(0, txid, txid);
      await history.compact(9, 1, 10);
      for (let txid = 6; txid <= 10; txid += 1) history.remove(0, txid, txid);
      history.remove(0, 1, 1);
      history.remove(1, 2, 5);
    };
    await clone.read(100 * PAGE, PAGE);
    await move();
    await clone.hydrated();
    await clone.close();
    assert.is(Buffer.compare(await readFile(file), newest), 0);
    assert.is(source.identity, "memory://replica txid=000000000000000a");
    await source.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a transaction that can be had no more is another source, and the message says so", async () => {
  const history = await snapshot(300);
  await history.commit(300, makePages(PAGE, 1, 100, 2));
  const source = await open(history.store, { wholeFileSize: 0, at: 1n });
  await source.read(0, PAGE);
  await history.compact(9, 1, 2);
  history.remove(0, 1, 1);
  history.remove(0, 2, 2);
  const error = await failure(source.read(200 * PAGE, PAGE));
  assert.is(error.code, "SOURCE_CHANGED");
  assert.match(error.message, "txid=0000000000000001 cannot be assembled any more");
  assert.match(error.message, "TXID 1 is not available");
  await source.close();
});

test("a request that fails is the failure of who waits, and a later read asks again", async () => {
  const history = await snapshot(300);
  const source = await open(history.store, { wholeFileSize: 0 });
  let isDown = true;
  history.store.answering = () => {
    if (isDown) throw new HeadwaterError("SOURCE_FAILED", "not now", { retryable: true });
  };
  const error = await failure(source.read(0, 300 * PAGE));
  assert.is(error.message, "not now");
  isDown = false;
  assert.equal(await source.read(0, 300 * PAGE), history.newest);
  await source.close();
});

test("what a reader left behind is not waited for by others", async () => {
  const history = await snapshot(3000);
  const source = await open(history.store, { wholeFileSize: 0 });
  for (let round = 0; round < 30; round += 1) {
    const offset = round * 64 * PAGE;
    const stream = source.stream(offset, 512 * PAGE, { class: "background" });
    for await (const piece of stream) {
      assert.ok(piece.length > 0);
      break;
    }
  }
  assert.equal(await source.read(0, source.size, { class: "background" }), history.newest);
  await source.close();
});

test.run();
