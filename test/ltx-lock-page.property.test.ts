import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  applyLtx,
  LtxEncoder,
  type LtxSource,
  litestream,
  lockPage,
} from "../adapters/ltx/index.ts";
import { Lz4BlockEncoder, maxLz4BlockSize } from "../adapters/ltx/lz4-block-encoder.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { SparseDatabase } from "./devices/sparse-database.ts";
import { keyOf } from "./ltx-history.ts";
import { pageBytes } from "./ltx-transactions.ts";
import { compactFiles, encodeFile, inPieces, plainHeader, Sink } from "./ltx-writing.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("LTX lock page, any history");

/** `PROPERTY_RUNS=2 npm test -- lock-page.property` takes all page sizes, and more histories. */
const isLong = Number(process.env.PROPERTY_RUNS ?? 1) > 1;
const PAGE_SIZES = isLong ? [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] : [4096, 65536];
/** So many pages on both sides of the lock page are not zeros at first. */
const NEAR = 4;

/** The number of a page relative to the lock page, and what it is filled with from then on. */
const change = fc.record({ place: fc.integer({ min: -NEAR, max: 6 }), seed: fc.nat(65_535) });
const worlds = fc.record({
  transactions: fc.array(
    fc.record({
      end: fc.integer({ min: -NEAR, max: 6 }),
      isCut: fc.nat(5).map((chance) => chance === 0),
      changes: fc.array(change, { maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  compactions: fc.array(
    fc.record({
      level: fc.integer({ min: 1, max: 8 }),
      from: fc.nat(),
      length: fc.nat(),
      removes: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
});

type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

/** A database: what fills the pages that are not zeros. */
interface State {
  readonly commit: number;
  readonly pages: ReadonlyMap<number, number>;
}

/** A database of zeros over the lock page, but for the pages around that. */
function firstState(pageSize: number): State {
  const lock = lockPage(pageSize);
  const pages = new Map([[1, 1]]);
  for (let pgno = lock - NEAR; pgno <= lock + NEAR; pgno += 1) {
    if (pgno !== lock) pages.set(pgno, pgno % 1000);
  }
  return { commit: lock + NEAR, pages };
}

async function snapshot(pageSize: number, { commit, pages }: State): Promise<Uint8Array> {
  const zeros = new Uint8Array(pageSize);
  const target = new Uint8Array(maxLz4BlockSize(pageSize));
  const payload = target.slice(0, new Lz4BlockEncoder().encode(zeros, target, 0));
  const sink = new Sink();
  const encoder = new LtxEncoder(plainHeader({ pageSize, commit }), sink.write);
  for (let pgno = 1; pgno <= commit; pgno += 1) {
    const seed = pages.get(pgno);
    if (seed !== undefined) await encoder.add(pgno, pageBytes(pageSize, seed));
    else if (pgno !== lockPage(pageSize)) await encoder.add(pgno, zeros, payload);
  }
  await encoder.finish();
  return sink.bytes;
}

/** A transaction writes the first page, and every page by which the database grows. */
function nextState(
  pageSize: number,
  before: State,
  { end, isCut, changes }: World["transactions"][number],
): { state: State; written: Record<number, Uint8Array> } {
  const lock = lockPage(pageSize);
  // Once it is small it stays so: to grow again would be to write a million pages.
  const base = isCut || before.commit < lock - NEAR ? NEAR + 2 : lock;
  const commit = base + end;
  const pages = new Map([...before.pages].filter(([pgno]) => pgno <= commit));
  const written: Record<number, Uint8Array> = {};
  const write = (pgno: number, seed: number): void => {
    if (pgno < 1 || pgno > commit || pgno === lock) return;
    pages.set(pgno, seed);
    written[pgno] = pageBytes(pageSize, seed);
  };
  write(1, changes[0]?.seed ?? 2);
  for (let pgno = before.commit + 1; pgno <= commit; pgno += 1) write(pgno, pgno % 999);
  for (const { place, seed } of changes) write(base + place, seed);
  return { state: { commit, pages }, written };
}

interface Made {
  readonly store: MemoryObjects;
  /** By TXID, from 1 on. */
  readonly states: readonly State[];
  /** The files of the transactions after the first. */
  readonly files: readonly Uint8Array[];
}

async function replicate(pageSize: number, first: Uint8Array, world: World): Promise<Made> {
  const store = new MemoryObjects();
  store.objects.set(keyOf(0, 1, 1), first);
  const states = [firstState(pageSize)];
  const files: Uint8Array[] = [];
  for (const transaction of world.transactions) {
    const { state, written } = nextState(pageSize, states.at(-1) as State, transaction);
    states.push(state);
    const txid = states.length;
    const header = plainHeader({ pageSize, commit: state.commit, minTxid: BigInt(txid) });
    const file = await encodeFile({ header, pages: written });
    files.push(file);
    store.objects.set(keyOf(0, txid, txid), file);
  }
  for (const { level, from, length, removes } of world.compactions) {
    const start = from % files.length;
    const end = start + 1 + (length % (files.length - start));
    const compacted = await compactFiles(files.slice(start, end));
    store.objects.set(keyOf(level, start + 2, end + 1), compacted);
    for (let index = start; removes && index < end; index += 1) {
      store.objects.delete(keyOf(0, index + 2, index + 2));
    }
  }
  return { store, states, files };
}

/** The pages from one to the last. */
function bytesOf(pageSize: number, { commit, pages }: State, first: number): Uint8Array {
  const bytes = new Uint8Array((commit - first + 1) * pageSize);
  for (const [pgno, seed] of pages) {
    if (pgno >= first) bytes.set(pageBytes(pageSize, seed), (pgno - first) * pageSize);
  }
  return bytes;
}

/** Whether the database of this transaction can be had; then it must be the model's. */
async function isRead(store: MemoryObjects, txid: number, state: State): Promise<boolean> {
  let source: LtxSource;
  try {
    source = (await litestream(store, { at: BigInt(txid) }).open()) as LtxSource;
  } catch (error) {
    if (isHeadwaterError(error, "SOURCE_NOT_FOUND")) return false;
    throw error;
  }
  const { pageSize, size } = source;
  const lock = lockPage(pageSize);
  assert.is(size, state.commit * pageSize);
  const first = Math.max(1, state.commit >= lock - NEAR ? lock - NEAR - 1 : 1);
  const bytes = await source.read((first - 1) * pageSize, size - (first - 1) * pageSize);
  assert.ok(Buffer.compare(bytes, bytesOf(pageSize, state, first)) === 0, `at ${txid}`);
  const page = await source.read(0, pageSize);
  assert.ok(Buffer.compare(page, pageBytes(pageSize, state.pages.get(1) ?? 0)) === 0);
  const zeros: unknown[] = [];
  for await (const range of source.zeros(0, size)) zeros.push(range);
  assert.equal(zeros, state.commit >= lock ? [{ offset: 2 ** 30, length: pageSize }] : []);
  await source.close();
  return true;
}

/** Applies files to the first database, of which only pages with something in them are held. */
async function isApplied(
  pageSize: number,
  files: readonly Uint8Array[],
  state: State,
): Promise<void> {
  const first = firstState(pageSize);
  const database = new SparseDatabase(pageSize);
  await database.resize(first.commit * pageSize);
  for (const [pgno, seed] of first.pages) database.blocks.set(pgno - 1, pageBytes(pageSize, seed));
  for (const file of files) await applyLtx(inPieces(file, 10_000), database);
  assert.is(database.size, state.commit * pageSize);
  assert.equal([...database.blocks.keys()].sort(byNumber), [...pagesOf(state)].sort(byNumber));
  for (const [pgno, seed] of state.pages) {
    const block = database.blocks.get(pgno - 1) as Uint8Array;
    assert.ok(Buffer.compare(block, pageBytes(pageSize, seed)) === 0, `page ${pgno}`);
  }
}

function* pagesOf({ pages }: State): Generator<number, void, undefined> {
  for (const pgno of pages.keys()) yield pgno - 1;
}

const byNumber = (one: number, other: number): number => one - other;

for (const pageSize of PAGE_SIZES) {
  test(`databases of pages of ${pageSize} bytes go over the lock page and back`, async () => {
    const first = await snapshot(pageSize, firstState(pageSize));
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const { store, states, files } = await replicate(pageSize, first, world);
        let reached = 0;
        for (const [index, state] of states.entries()) {
          if (await isRead(store, index + 1, state)) reached += 1;
        }
        assert.ok(reached > 0);
        const last = states.at(-1) as State;
        await isApplied(pageSize, files, last);
        await isApplied(pageSize, [await compactFiles(files)], last);
      }),
      propertyRuns(isLong ? 8 : 10),
    );
  });
}

test.run();
