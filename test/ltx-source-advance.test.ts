import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { litestream } from "../adapters/ltx/index.ts";
import { History, makePages } from "./ltx-history.ts";

const test = suite("LTX copies that advance");

const PAGE = 1024;
const PAGES = 2000;

async function history(transactions: number): Promise<History> {
  const made = new History(PAGE);
  await made.commit(PAGES, makePages(PAGE, 1, PAGES, 0));
  await grow(made, transactions);
  return made;
}

/** Transactions that each change 65 pages, the first among them. */
async function grow(made: History, transactions: number): Promise<void> {
  for (let count = 0; count < transactions; count += 1) {
    const first = 2 + ((made.txid * 64) % (PAGES - 70));
    const pages = makePages(PAGE, first, first + 63, made.txid);
    await made.commit(PAGES, { ...pages, ...makePages(PAGE, 1, 1, made.txid) });
  }
}

async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-"));
  try {
    await work(join(folder, "db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Makes the file what the replica is now, and returns what was fetched. */
async function bring(made: History, file: string): Promise<number> {
  const clone = await hydrate(litestream(made.store), file, {
    revalidate: true,
    regionSize: 4096,
    readAround: 0,
  });
  try {
    await clone.hydrated();
    return clone.stats().bytesFetched;
  } finally {
    await clone.close();
  }
}

const isSame = async (file: string, made: History): Promise<boolean> =>
  Buffer.compare(await readFile(file), made.newest) === 0;

test("a finished copy is brought to a later transaction by what has changed", async () => {
  const made = await history(3);
  await withFile(async (file) => {
    const whole = await bring(made, file);
    assert.ok(await isSame(file, made));
    await grow(made, 4);
    const changed = await bring(made, file);
    assert.ok(await isSame(file, made));
    assert.ok(changed < whole / 2, `${changed} bytes, and ${whole} for all`);
  });
});

test("the same where the files between were compacted, whatever the levels", async () => {
  const made = await history(3);
  await withFile(async (file) => {
    const whole = await bring(made, file);
    await grow(made, 6);
    await made.compact(1, 2, 6);
    await made.compact(2, 7, 10);
    for (let txid = 2; txid <= 10; txid += 1) made.remove(0, txid, txid);
    const changed = await bring(made, file);
    assert.ok(await isSame(file, made));
    assert.ok(changed < whole, `${changed} bytes, and ${whole} for all`);
  });
});

test("where only a snapshot is left all of it is fetched, and right", async () => {
  const made = await history(3);
  await withFile(async (file) => {
    await bring(made, file);
    await grow(made, 2);
    await made.commit(PAGES / 2, makePages(PAGE, 1, 1, 99));
    await made.compact(9, 1, made.txid);
    for (let txid = 1; txid <= made.txid; txid += 1) made.remove(0, txid, txid);
    await bring(made, file);
    assert.ok(await isSame(file, made));
  });
});

test("a half-done copy whose transaction is gone goes on with the newest", async () => {
  const made = await history(3);
  await withFile(async (file) => {
    const options = { regionSize: 4096, noHydration: true };
    const begun = await hydrate(litestream(made.store), file, options);
    await begun.read(0, 500 * PAGE);
    await begun.close();
    await grow(made, 3);
    await made.compact(3, 2, made.txid);
    for (let txid = 2; txid <= made.txid; txid += 1) made.remove(0, txid, txid);
    const clone = await hydrate(litestream(made.store), file);
    assert.match(clone.status().identity, /txid=0000000000000007$/);
    await clone.hydrated();
    await clone.close();
    assert.ok(await isSame(file, made));
  });
});

test("a clone that is open goes on to a later transaction, and each read is of one of them", async () => {
  const made = await history(2);
  await withFile(async (file) => {
    const clone = await hydrate(litestream(made.store), file, { regionSize: 4096 });
    const before = made.newest;
    assert.equal(await clone.read(0, 70 * PAGE), before.slice(0, 70 * PAGE));
    await grow(made, 3);
    await clone.advance(litestream(made.store));
    const after = made.newest;
    for (let page = 0; page < PAGES; page += 100) {
      const offset = page * PAGE;
      const end = offset + 100 * PAGE;
      assert.is(Buffer.compare(await clone.read(offset, 100 * PAGE), after.slice(offset, end)), 0);
    }
    await clone.hydrated();
    await clone.close();
    assert.ok(await isSame(file, made));
  });
});

test("what was cut off, and is zeros since, has changed", async () => {
  const made = new History(PAGE);
  await made.commit(20, makePages(PAGE, 1, 20, 1));
  await made.commit(5, makePages(PAGE, 1, 1, 2));
  await made.commit(12, makePages(PAGE, 10, 12, 3));
  await using source = await litestream(made.store).open();
  const changes = await source.changedSince?.("memory://replica txid=0000000000000001");
  const ranges = [
    { offset: 0, length: PAGE },
    { offset: 5 * PAGE, length: 7 * PAGE },
  ];
  assert.equal(changes, { ranges });
  assert.equal(await source.changedSince?.(source.identity), { ranges: [] });

  const everything = [{ offset: 0, length: source.size }];
  const reasons = [
    ["memory://other txid=0000000000000001", /is another replica/],
    ["memory://replica txid=0000000000000004", /is of TXID 4, which is later than 3/],
  ] as const;
  for (const [identity, words] of reasons) {
    const unknown = await source.changedSince?.(identity);
    assert.equal(unknown?.ranges, everything);
    assert.match(unknown?.reason ?? "", words);
  }
});

test.run();
