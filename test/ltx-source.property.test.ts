import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type LtxSource, litestream } from "../adapters/ltx/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { History, makePage, makePages } from "./ltx-history.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("LTX source, any history");

/** A transaction: the database's pages afterwards, and which of those before are written. */
const transaction = fc.record({
  commit: fc.integer({ min: 1, max: 40 }),
  written: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }),
});

/** A file of a level, as a part of the history, and what of it is removed afterwards. */
const compaction = fc.record({
  level: fc.integer({ min: 1, max: 9 }),
  from: fc.nat(),
  length: fc.nat(),
  removes: fc.boolean(),
});

const worlds = fc.record({
  pageSize: fc.integer({ min: 9, max: 16 }).map((bits) => 2 ** bits),
  transactions: fc.array(transaction, { minLength: 1, maxLength: 14 }),
  compactions: fc.array(compaction, { maxLength: 6 }),
  wholeFileSize: fc.constantFrom(0, 20_000, 2 ** 20),
  /** Whether a database that grows again has zeros where it was cut off, in place of new pages. */
  growsBack: fc.boolean(),
  reads: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 20_000 })), { maxLength: 6 }),
});

type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * Makes the replica. SQLite writes every page by which a database grows. Where one does not, what
 * was cut off is zeros, as long as the files of that time are there; so nothing is compacted then.
 */
async function replicate({ growsBack, ...world }: World): Promise<History> {
  const { pageSize, transactions, compactions } = world;
  const history = new History(pageSize);
  let before = 0;
  let most = 0;
  for (const [index, { commit, written }] of transactions.entries()) {
    const first = 1 + (growsBack ? most : before);
    const pages: Record<number, Uint8Array> = { ...makePages(pageSize, first, commit, index) };
    for (const pgno of written) if (pgno <= commit) pages[pgno] = makePage(pageSize, pgno, index);
    pages[1] = makePage(pageSize, 1, index);
    await history.commit(commit, pages);
    before = commit;
    most = Math.max(most, commit);
  }
  for (const { level, from, length, removes } of growsBack ? [] : compactions) {
    const min = level === 9 ? 1 : 1 + (from % history.txid);
    const max = min + (length % (history.txid - min + 1));
    await history.compact(level, min, max);
    if (removes) retain(history, level, min, max);
  }
  return history;
}

/** Removes the files that are in this one, of lower levels. */
function retain(history: History, level: number, min: number, max: number): void {
  for (const file of filesOf(history)) {
    if (file.level >= level || file.min < min || file.max > max) continue;
    history.remove(file.level, file.min, file.max);
  }
}

function filesOf({ store }: History): { level: number; min: number; max: number }[] {
  return [...store.objects.keys()].map((key) => {
    const [, level = "", min = "", max = ""] = /^ltx\/(.)\/(.{16})-(.{16})/.exec(key) ?? [];
    return { level: Number(level), min: Number(`0x${min}`), max: Number(`0x${max}`) };
  });
}

/** The transactions to which files lead, one after the other, from the empty database on. */
function reachable(history: History): Set<number> {
  const reached = new Set([0]);
  const files = filesOf(history).sort((one, other) => one.max - other.max);
  for (const { min, max } of files) {
    const isNext = [...reached].some((txid) => txid + 1 >= min && txid < max);
    if (isNext) reached.add(max);
  }
  reached.delete(0);
  return reached;
}

async function openAt(history: History, world: World, txid: number): Promise<LtxSource> {
  const { wholeFileSize } = world;
  const opener = litestream(history.store, { at: BigInt(txid), wholeFileSize });
  return (await opener.open()) as LtxSource;
}

const same = (bytes: Uint8Array, expected: Uint8Array): boolean =>
  Buffer.compare(bytes, expected) === 0;

test("at any transaction that can be had the database is what it was then", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const history = await replicate(world);
      const reached: number[] = [];
      for (const [txid, state] of history.states.entries()) {
        if (txid === 0) continue;
        const source = await openAt(history, world, txid).catch((error) => {
          if (!isHeadwaterError(error, "SOURCE_NOT_FOUND")) throw error;
          return undefined;
        });
        if (source === undefined) continue;
        reached.push(txid);
        assert.is(source.size, state.length);
        for (const [start, length] of world.reads) {
          const offset = start % state.length;
          const part = state.slice(offset, offset + length);
          assert.ok(same(await source.read(offset, part.length), part), `at ${txid}: a part`);
        }
        const options = { class: txid % 2 === 0 ? "background" : "demand" } as const;
        const whole = await source.read(0, state.length, options);
        assert.ok(same(whole, state), `at ${txid}`);
        for await (const { offset, length } of source.zeros(0, state.length)) {
          assert.ok(state.subarray(offset, offset + length).every((byte) => byte === 0));
        }
        await source.close();
      }
      assert.equal(new Set(reached), reachable(history));
      assert.ok(reached.includes(history.txid), "the newest can always be had");
    }),
    propertyRuns(60),
  );
});

test("what is not named as changed since a transaction is as it was", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.nat(), fc.nat(), async (world, one, other) => {
      const history = await replicate(world);
      const from = 1 + (one % history.txid);
      const to = from + (other % (history.txid - from + 1));
      const source = await openAt(history, world, to).catch(() => undefined);
      if (source === undefined) return;
      const identity = source.identity.replace(/[0-9a-f]{16}$/, (digits) =>
        from.toString(16).padStart(digits.length, "0"),
      );
      const { ranges } = await source.changedSince(identity);
      await source.close();
      const before = history.states[from] as Uint8Array;
      const after = (history.states[to] as Uint8Array).slice(0, before.length);
      const patched = before.slice(0, after.length);
      for (const { offset, length } of ranges) {
        patched.set(after.subarray(offset, offset + length), Math.min(offset, patched.length));
      }
      assert.ok(same(patched, after), `from ${from} to ${to}`);
    }),
    propertyRuns(60),
  );
});

test.run();
