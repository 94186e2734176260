import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseListing } from "../adapters/ltx/http-store-listing.ts";
import { applyLtx, type LtxSource, litestream, parseHeader } from "../adapters/ltx/index.ts";
import { HeadwaterError, isHeadwaterError } from "../lib/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { randomFrom } from "./devices/random.ts";
import { SparseDatabase } from "./devices/sparse-database.ts";
import { Changes } from "./ltx-changes.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { History, makePages } from "./ltx-history.ts";
import { inPieces } from "./ltx-writing.ts";
import { failure } from "./rejection.ts";

const test = suite("LTX fuzz of replicas");

/** `FUZZ_FILES=100000 TEST_TIMEOUT_MS=3600000 npm test -- ltx-source-fuzz` changes more of them. */
const { FUZZ_FILES = "1500", FUZZ_SEED = "1" } = process.env;
/** What is held after a read of so small replicas is not more, the garbage included. */
const MOST_HELD: number = 512 * 2 ** 20;

const below = randomFrom(Number(FUZZ_SEED));
const changes = new Changes(below);

/** A replica, and the databases that it holds, by TXID. */
interface Replica {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly databases: ReadonlyMap<bigint, Uint8Array>;
}

async function replica(store: MemoryObjects): Promise<Replica> {
  const databases = new Map<bigint, Uint8Array>();
  for (let txid = 1n; txid <= 12n; txid += 1n) {
    const source = await litestream(store, { at: txid })
      .open()
      .catch(() => undefined);
    if (source === undefined) continue;
    databases.set(txid, await source.read(0, source.size));
  }
  return { files: new Map(store.objects), databases };
}

function fixture(name: string): Promise<Replica> {
  const store = new MemoryObjects();
  for (const { path, bytes } of fixtureFiles(name)) {
    store.objects.set(path.slice(name.length + 1), bytes);
  }
  return replica(store);
}

/** One that shrank and grew, and is on several levels. */
async function history(pageSize: number): Promise<Replica> {
  const made = new History(pageSize);
  await made.commit(9, makePages(pageSize, 1, 9, 1));
  await made.commit(4, makePages(pageSize, 2, 3, 2));
  await made.commit(8, makePages(pageSize, 7, 8, 3));
  await made.commit(8, makePages(pageSize, 1, 2, 4));
  await made.commit(12, makePages(pageSize, 9, 12, 5));
  await made.compact(2, 2, 3);
  await made.compact(9, 1, 2);
  made.remove(0, 2, 2);
  made.remove(0, 3, 3);
  return replica(made.store);
}

const EXPECTED = ["CORRUPT", "SOURCE_NOT_FOUND", "SOURCE_CHANGED"] as const;

/** Undefined where it fails as it may. */
async function attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (EXPECTED.some((code) => isHeadwaterError(error, code))) return undefined;
    throw error;
  }
}

/** Reads here and there, then everything. Undefined where that fails. */
async function readAll(source: LtxSource): Promise<Uint8Array | undefined> {
  const { size } = source;
  for (let reads = below(4); reads > 0; reads -= 1) {
    const offset = below(size + 1);
    const length = below(size - offset + 1);
    const bytes = await attempt(() => source.read(offset, length));
    assert.ok(bytes === undefined || bytes.length === length);
  }
  await attempt(async () => {
    let last = 0;
    for await (const { offset, length } of source.zeros(0, size)) {
      assert.ok(offset >= last && length > 0 && offset + length <= size);
      last = offset + length;
    }
  });
  await attempt(() => source.changedSince(source.identity.replace(/.$/, "1")));
  return attempt(() => source.read(0, size, { class: "background" }));
}

/** Whether the database was read, whatever it is. */
async function readChanged({ files, databases }: Replica, key: string): Promise<boolean> {
  const store = new MemoryObjects();
  for (const [name, bytes] of files) store.objects.set(name, bytes);
  const contents = [...files.values()];
  const changed = changes.changed(files.get(key) as Uint8Array, contents);
  store.objects.set(key, changed);
  const wholeFileSize = changes.pick([0, 3000, 2 ** 18]);
  const at = changes.pick([undefined, changes.pick([...databases.keys()]), new Date()]);
  const options = at === undefined ? { wholeFileSize } : { wholeFileSize, at };
  const source = (await attempt(() => litestream(store, options).open())) as LtxSource | undefined;
  if (source === undefined) return false;
  const bytes = await readAll(source);
  const { pages } = source.assembly;
  await source.close();
  if (bytes === undefined) return false;
  const extents = pages.files.find(({ file }) => file.object.key === key);
  if (extents !== undefined && extents.file.body === undefined && !extents.areWhole) return true;
  const expected = databases.get(source.txid) as Uint8Array;
  assert.ok(Buffer.compare(bytes, expected) === 0, "another database, unnoticed");
  return true;
}

test("a replica with a changed file is read as it was, or found to be damaged", async () => {
  const replicas = await Promise.all([
    ...["small", "small-levels", "small-frame"].map(fixture),
    ...[512, 4096, 65536].map(history),
  ]);
  let read = 0;
  for (let round = 0; round < Number(FUZZ_FILES); round += 1) {
    const one = changes.pick(replicas);
    const key = changes.pick([...one.files.keys()]);
    const what = `FUZZ_SEED=${FUZZ_SEED}, file ${round}, ${key}`;
    try {
      if (await readChanged(one, key)) read += 1;
    } catch (error) {
      throw new Error(`${what}: ${error}`, { cause: error });
    }
    const { arrayBuffers } = process.memoryUsage();
    assert.ok(arrayBuffers < MOST_HELD, `${what}: ${arrayBuffers} bytes are held`);
  }
  assert.ok(read > Number(FUZZ_FILES) / 20, `${read} could be read`);
});

test("what a replica claims takes no memory, and no time", async () => {
  const { files } = await fixture("small");
  const key = [...files.keys()].at(-1) ?? "";
  const claims: readonly ((view: DataView) => void)[] = [
    (view) => view.setUint32(12, 0xffffffff), // pages of the database
    (view) => view.setUint32(12, 0x7fffffff),
    (view) => view.setBigUint64(view.byteLength - 24, BigInt(view.byteLength - 130)), // the index
  ];
  for (const claim of claims) {
    for (const wholeFileSize of [0, 2 ** 18]) {
      const store = new MemoryObjects();
      for (const [name, bytes] of files) store.objects.set(name, bytes);
      const bytes = (files.get(key) ?? new Uint8Array()).slice();
      claim(new DataView(bytes.buffer));
      store.objects.set(key, bytes);
      const before = process.memoryUsage().arrayBuffers;
      const error = await failure(litestream(store, { wholeFileSize }).open());
      const taken = process.memoryUsage().arrayBuffers - before;
      assert.is(error.code, "CORRUPT");
      const longest = Math.max(...store.requests.map(({ length }) => length));
      assert.ok(wholeFileSize > 0 || longest <= 4096, `${longest} bytes were asked for`);
      assert.ok(taken < 8 * 2 ** 20, `${taken} bytes`);
    }
  }
});

test("a file that is listed with a size that it cannot have is not asked for as a whole", async () => {
  const store = new MemoryObjects();
  for (const [name, bytes] of (await fixture("small")).files) store.objects.set(name, bytes);
  const list = store.list.bind(store);
  store.list = async (prefix, after, options) => {
    const { objects, next } = await list(prefix, after, options);
    return { objects: objects.map((object) => ({ ...object, size: 2 ** 52 })), next };
  };
  const error = await failure(litestream(store).open());
  assert.is(error.code, "SOURCE_CHANGED");
  const longest = Math.max(...store.requests.map(({ length }) => length));
  assert.ok(longest <= 2 ** 26, `${longest} bytes were asked for`);
});

test("a changed file is applied, or found to be damaged", async () => {
  const { files } = await fixture("small");
  const contents = [...files.values()];
  for (let round = 0; round < Number(FUZZ_FILES); round += 1) {
    const file = changes.changed(changes.pick(contents), contents);
    const what = `FUZZ_SEED=${FUZZ_SEED}, file ${round}`;
    try {
      const database = new SparseDatabase(parsePageSize(file));
      const header = await attempt(() => applyLtx(inPieces(file), database));
      if (header !== undefined) assert.is(database.size, header.commit * header.pageSize);
    } catch (error) {
      throw new Error(`${what}: ${error}`, { cause: error });
    }
  }
});

function parsePageSize(file: Uint8Array): number {
  try {
    return parseHeader(file).pageSize;
  } catch (error) {
    if (error instanceof HeadwaterError) return 4096;
    throw error;
  }
}

test("a changed listing is one that makes sense, or none", () => {
  const entries = ["0000000000000001-0000000000000001.ltx", "x"].map((name, index) => ({
    ...{ name, type: "file", mtime: "Wed, 21 Oct 2026 07:28:00 GMT", size: 1234 + index },
  }));
  const text = new TextEncoder().encode(JSON.stringify(entries));
  let listed = 0;
  for (let round = 0; round < Number(FUZZ_FILES); round += 1) {
    const changed = new TextDecoder().decode(changes.changed(text, [text]));
    const objects = parseListing(changed, "ltx/0/");
    if (objects === undefined) continue;
    listed += 1;
    for (const { key, size, modifiedMs } of objects) {
      assert.ok(key.startsWith("ltx/0/") && Number.isSafeInteger(size) && size >= 0);
      assert.ok(modifiedMs === undefined || Number.isFinite(modifiedMs));
    }
  }
  assert.ok(listed > 0);
});

test.run();
