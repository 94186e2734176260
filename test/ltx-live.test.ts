import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { type LitestreamOptions, litestream } from "../adapters/ltx/index.ts";
import type { Advanced } from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import { History, keyOf, makePage, makePages, type Pages } from "./ltx-history.ts";
import { failure } from "./rejection.ts";

const test = suite("LTX replicas that are being written");

const PAGE = 1024;
const PAGES = 1500;

/** How many files of a level make one of the next, and how many are left of those that were. */
const COMPACTED = 4;
const RETAINED = 2;

/**
 * A replica as Litestream keeps one: each transaction a file of level 0, compacted into levels 1
 * and 2, whose files vanish soon after; now and then a snapshot, after which all before it vanish.
 */
class LiveReplica {
  readonly history = new History(PAGE);
  readonly #random: (below: number) => number;
  #pages = PAGES;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  async begin(): Promise<void> {
    await this.history.commit(PAGES, makePages(PAGE, 1, PAGES, 0));
    await this.history.compact(9, 1, 1);
  }

  /** A transaction with a few pages here and there, at times growing or shrinking; and upkeep. */
  async step(): Promise<void> {
    const { history } = this;
    const seed = history.txid + 1;
    const before = this.#pages;
    this.#pages += this.#random(5) === 0 ? this.#random(200) - 100 : 0;
    const grown = makePages(PAGE, before + 1, this.#pages, seed);
    const pages: Record<number, Uint8Array> = { ...grown, 1: makePage(PAGE, 1, seed) };
    for (let change = 0; change < 12; change += 1) {
      const pgno = 1 + this.#random(this.#pages);
      pages[pgno] = makePage(PAGE, pgno, seed);
    }
    await history.commit(this.#pages, pages as Pages);
    const { txid } = history;
    await this.#compact(1, txid, COMPACTED);
    await this.#compact(2, txid, COMPACTED ** 2);
    if (txid % COMPACTED ** 3 === 0) await history.compact(9, 1, txid);
  }

  async #compact(level: 1 | 2, txid: number, span: number): Promise<void> {
    if (txid % span !== 0) return;
    await this.history.compact(level, txid - span + 1, txid);
    const below = span / COMPACTED;
    for (let end = below; end <= txid - RETAINED * below; end += below) {
      const min = end - below + 1;
      const isThere = this.history.store.objects.has(keyOf(level - 1, min, end));
      if (isThere) this.history.remove(level - 1, min, end);
    }
  }
}

const txidOf = (identity: string): number => Number.parseInt(identity.slice(-16), 16);

async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-live-"));
  try {
    await work(join(folder, "db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Nothing is fetched whole at opening, so that what vanishes is missed. */
const LARGE: LitestreamOptions = { wholeFileSize: 0 };

for (const seed of [1, 2, 3, 4]) {
  test(`hydration slower than the retention ends, and is right, world ${seed}`, () =>
    withFile(async (file) => {
      const replica = new LiveReplica(seed);
      const { history } = replica;
      await replica.begin();
      for (let step = 0; step < 9; step += 1) await replica.step();
      const clone = await hydrate(litestream(history.store, LARGE), file, {
        regionSize: 4096,
        readAround: 0,
        hydrationThreshold: 8,
        hydrationBatchSize: 8,
      });
      const advances: Advanced[] = [];
      clone.on("advanced", (event) => advances.push(event));
      let stepping = Promise.resolve();
      clone.on("landed", () => {
        stepping = stepping.then(() => replica.step());
      });
      const random = randomFrom(seed + 100);
      const reader = async (): Promise<void> => {
        while (clone.status().hydration === "running") {
          const before = txidOf(clone.status().identity);
          const size = Math.min(...history.states.slice(before).map(({ length }) => length));
          const offset = random(size - 5000);
          const bytes = await clone.read(offset, 5000);
          const after = txidOf(clone.status().identity);
          const isOf = (txid: number): boolean =>
            Buffer.compare(bytes, shown(history, txid).subarray(offset, offset + 5000)) === 0;
          const possible = Array.from({ length: after - before + 1 }, (_, index) => before + index);
          assert.ok(possible.some(isOf), `a read at ${offset} is of none of ${possible}`);
          await new Promise((done) => setImmediate(done));
        }
      };
      await Promise.all([clone.hydrated(), reader()]);
      await stepping;
      const txid = txidOf(clone.status().identity);
      await clone.close();
      assert.ok(advances.length > 0, "nothing that was needed vanished");
      assert.is(advances.at(-1)?.to, clone.status().identity);
      assert.is(Buffer.compare(await readFile(file), shown(history, txid)), 0);
    }));
}

/** The database after a transaction. Its first page is no header of SQLite, and so not changed. */
function shown(history: History, txid: number): Uint8Array {
  return history.states[txid] as Uint8Array;
}

test("a state that was asked for by its TXID is not replaced by another", () =>
  withFile(async (file) => {
    const replica = new LiveReplica(9);
    await replica.begin();
    for (let step = 0; step < 6; step += 1) await replica.step();
    const at = BigInt(replica.history.txid);
    await using clone = await hydrate(litestream(replica.history.store, { ...LARGE, at }), file, {
      noHydration: true,
    });
    for (let step = 0; step < 30; step += 1) await replica.step();
    const error = await failure(clone.hydrate());
    assert.is(error.code, "SOURCE_CHANGED");
    assert.match(error.message, "TXID 7 is not available");
  }));

test("what Litestream will soon remove is told: the pages in files of levels 0 and 1", async () => {
  const replica = new LiveReplica(6);
  const { history } = replica;
  await replica.begin();
  await history.commit(PAGES, makePages(PAGE, 100, 120, 2));
  await history.commit(PAGES, makePages(PAGE, 1400, 1450, 3));
  await history.compact(1, 2, 3);
  await history.commit(PAGES, makePages(PAGE, 110, 130, 4));
  const range = (first: number, last: number): { offset: number; length: number } => ({
    offset: (first - 1) * PAGE,
    length: (last - first + 1) * PAGE,
  });
  await using source = await litestream(history.store, LARGE).open();
  assert.equal([...(source.shortLived?.() ?? [])], [range(100, 130), range(1400, 1450)]);
  await using whole = await litestream(history.store).open();
  assert.equal([...(whole.shortLived?.() ?? [])], [], "what was fetched at opening is here");
});

test("why a copy is fetched anew is told: only a snapshot spans the two states", () =>
  withFile(async (file) => {
    const replica = new LiveReplica(5);
    const { history } = replica;
    await replica.begin();
    await replica.step();
    const opening = { regionSize: 4096, readAround: 0 };
    const first = await hydrate(litestream(history.store), file, opening);
    await first.hydrated();
    await first.close();
    for (let step = 0; step < 3; step += 1) await replica.step();
    await history.compact(9, 1, history.txid);
    const lasting = keyOf(9, 1, history.txid);
    for (const key of history.store.objects.keys()) {
      if (key !== lasting) history.store.objects.delete(key);
    }
    const told: Advanced[] = [];
    await using clone = await hydrate(litestream(history.store), file, {
      ...opening,
      revalidate: true,
    });
    clone.on("advanced", (event) => told.push(event));
    await clone.hydrated();
    assert.is(told.length, 1);
    assert.is(told[0]?.keptBytes, 0);
    assert.match(told[0]?.reason ?? "", /^only a snapshot is left of the files from TXID 2 to 5/);
    assert.is(Buffer.compare(await readFile(file), history.newest), 0);
  }));

test.run();
