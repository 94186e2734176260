import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { type LitestreamOptions, type LtxSource, litestream } from "../adapters/ltx/index.ts";
import { patternBytes, sourceConformance } from "../adapters/testing/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { expectedStates, fixtureFiles } from "./ltx-files.ts";
import { History, keyOf, makePage, makePages } from "./ltx-history.ts";
import { findProgram } from "./programs.ts";

for (const wholeFileSize of [0, 2 ** 20]) {
  const conformance = suite(`LTX source, files of up to ${wholeFileSize} bytes fetched whole`);
  sourceConformance(conformance, {
    open: async (size) => {
      const pageSize = 512;
      const bytes = patternBytes(Math.ceil(size / pageSize) * pageSize);
      const history = new History(pageSize);
      const half = Math.ceil(bytes.length / pageSize / 2);
      for (const first of [1, half + 1]) {
        const last = first === 1 ? half : bytes.length / pageSize;
        const pages: Record<number, Uint8Array> = {};
        for (let pgno = first; pgno <= last; pgno += 1) {
          pages[pgno] = bytes.slice((pgno - 1) * pageSize, pgno * pageSize);
        }
        await history.commit(last, pages);
      }
      const device = await litestream(history.store, { wholeFileSize }).open();
      const { store } = history;
      if (wholeFileSize > 0) return { device, bytes };
      return { device, bytes, hold: () => Promise.resolve(store.hold()) };
    },
  });
  conformance.run();
}

const test = suite("LTX source");

async function open(store: MemoryObjects, options: LitestreamOptions = {}): Promise<LtxSource> {
  return (await litestream(store, options).open()) as LtxSource;
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("real replicas hold the rows that they held, at every transaction", async () => {
  const program = findProgram("sqlite3");
  if (program === undefined) return;
  const sql = (file: string, query: string): string =>
    spawnSync(program, ["-json", file, query], { encoding: "utf8" }).stdout;
  await withFolder(async (folder) => {
    const file = join(folder, "db");
    for (const replica of ["small", "small-levels", "small-frame"]) {
      const store = new MemoryObjects();
      for (const { path, bytes } of fixtureFiles(replica)) {
        store.objects.set(path.slice(replica.length + 1), bytes);
      }
      let found = 0;
      for (const { txid, rows, sha } of expectedStates()) {
        const at = BigInt(`0x${txid}`);
        const wholeFileSize = at % 2n === 0n ? 0 : 2 ** 20;
        const source = await open(store, { at, wholeFileSize }).catch((error) => {
          assert.ok(isHeadwaterError(error, "SOURCE_NOT_FOUND"));
          return undefined;
        });
        if (source === undefined) continue;
        found += 1;
        await writeFile(file, await source.read(0, source.size));
        const table = JSON.parse(sql(file, "select id, k, v from t order by id")) as object[];
        const hash = createHash("sha256");
        for (const row of table) hash.update(`${JSON.stringify(Object.values(row))}\n`);
        assert.is(table.length, rows);
        assert.is(hash.digest("hex"), sha, `${replica} at ${txid}`);
        const [{ page_count = 0 } = {}] = JSON.parse(sql(file, "pragma page_count"));
        assert.is(page_count * 4096, source.size);
        await source.close();
      }
      assert.is(found, replica === "small-levels" ? 4 : 8);
    }
  });
});

test("a clone hydrates while readers read anywhere, and ends as the database", async () => {
  const history = await updatedHistory(4096, 1500, 12);
  await withFolder(async (folder) => {
    const file = join(folder, "db");
    for (const wholeFileSize of [0, 100_000]) {
      await rm(file, { force: true });
      await rm(`${file}.headwater`, { force: true });
      const clone = await hydrate(litestream(history.store, { wholeFileSize }), file);
      let state = 1;
      const reader = async (): Promise<void> => {
        for (let reads = 0; reads < 40; reads += 1) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          const offset = state % (history.newest.length - 9000);
          const bytes = await clone.read(offset, 9000);
          assert.equal(bytes, history.newest.slice(offset, offset + 9000));
        }
      };
      await Promise.all([reader(), reader(), reader(), clone.hydrated()]);
      await clone.close();
      assert.ok(history.newest.length === (await readFile(file)).length);
      assert.is(Buffer.compare(await readFile(file), history.newest), 0);
    }
  });
});

/** A snapshot, and then many transactions that each change pages here and there. */
async function updatedHistory(
  pageSize: number,
  pages: number,
  transactions: number,
): Promise<History> {
  const history = new History(pageSize);
  await history.commit(pages, makePages(pageSize, 1, pages, 0));
  for (let seed = 1; seed <= transactions; seed += 1) {
    const changed: Record<number, Uint8Array> = {};
    for (let pgno = seed; pgno <= pages; pgno += 300 + seed) {
      changed[pgno] = makePage(pageSize, pgno, seed);
    }
    await history.commit(pages, changed);
  }
  return history;
}

test("hydration fetches the newest frames, hardly more, and in few requests", async () => {
  const history = await updatedHistory(4096, 6000, 12);
  const { store } = history;
  await withFolder(async (folder) => {
    for (const wholeFileSize of [0, 2 ** 20]) {
      store.reset();
      const source = await open(store, { wholeFileSize });
      let needed = 0;
      for (const extents of source.assembly.pages.files) {
        needed += extents.file.tail.length;
        for (let extent = 0; extent < extents.count; extent += 1) {
          needed += extents.file.index.sizes[extents.liveFrame(extent)] ?? 0;
        }
      }
      const clone = await hydrate(source, join(folder, `db${wholeFileSize}`));
      await clone.hydrated();
      const { requests, bytesFetched } = clone.stats();
      assert.is(requests, store.requests.length, "every request is counted");
      assert.is(bytesFetched, store.bytes, "every byte is counted");
      assert.ok(bytesFetched < needed * 1.07, `${bytesFetched} bytes for ${needed}`);
      const most = 10 + 3 * 13 + Math.ceil(source.size / 2 ** 22);
      assert.ok(requests <= most, `${requests} requests`);
      await clone.close();
      await source.close();
    }
  });
});

test("only what is read is fetched where nothing is hydrated", async () => {
  const history = await updatedHistory(4096, 6000, 3);
  const { store } = history;
  const source = await open(store, { wholeFileSize: 0 });
  store.reset();
  assert.equal(await source.read(5_000_000, 5000), history.newest.slice(5_000_000, 5_005_000));
  assert.ok(store.bytes < 100_000, `${store.bytes} bytes`);
  assert.ok(store.requests.length <= 2);
  await source.close();
});

test("a database that shrank and grew again has zeros where nothing was written", async () => {
  const history = new History(1024);
  await history.commit(20, makePages(1024, 1, 20, 1));
  await history.commit(5, makePages(1024, 1, 1, 2));
  await history.commit(12, makePages(1024, 10, 12, 3));
  const source = await open(history.store);
  assert.equal(await source.read(0, source.size), history.newest);
  const zeros: unknown[] = [];
  for await (const range of source.zeros(0, source.size)) zeros.push(range);
  assert.equal(zeros, [{ offset: 5 * 1024, length: 4 * 1024 }]);
  await source.close();
});

test("the page of SQLite's locks reads as zeros, and what lies behind it is found", async () => {
  const pageSize = 65536;
  const lock = 2 ** 30 / pageSize + 1;
  const history = new History(pageSize);
  const { store } = history;
  const { encodeSparse } = await import("./ltx-sparse.ts");
  store.objects.set(keyOf(0, 1, 1), await encodeSparse(pageSize, lock + 2));
  const source = await open(store, { wholeFileSize: 0 });
  const before = (lock - 2) * pageSize;
  const bytes = await source.read(before, 4 * pageSize);
  assert.is(bytes[0], (lock - 1) & 255);
  assert.ok(bytes.subarray(pageSize, 2 * pageSize).every((byte) => byte === 0));
  assert.is(bytes[2 * pageSize], (lock + 1) & 255);
  const zeros: unknown[] = [];
  for await (const range of source.zeros(0, source.size)) zeros.push(range);
  assert.equal(zeros, [{ offset: 2 ** 30, length: pageSize }]);
  await source.close();
});

test("the first page shows a rollback journal, the true size, and the transaction", async () => {
  const page = makePage(1024, 1, 1);
  page.set(new TextEncoder().encode("SQLite format 3\0"));
  page.set([2, 2], 18);
  const history = new History(1024);
  await history.commit(3, { ...makePages(1024, 2, 3, 1), 1: page });
  const source = await open(history.store);
  const shown = await source.read(0, 1024);
  const view = new DataView(shown.buffer);
  assert.equal([...shown.subarray(18, 20)], [1, 1]);
  assert.equal([view.getUint32(24), view.getUint32(28), view.getUint32(92)], [1, 3, 1]);
  shown.set(page.subarray(18, 20), 18);
  shown.set(page.subarray(24, 32), 24);
  shown.set(page.subarray(92, 96), 92);
  assert.equal(shown, page);
  await source.close();
});

test.run();
