import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  applyLtx,
  compactLtx,
  contentPages,
  LtxEncoder,
  type LtxHeader,
  locatePageIndex,
  lockPage,
  parseHeader,
  parsePageIndex,
  TAIL_SIZE,
  verifyLtx,
} from "../adapters/ltx/index.ts";
import { Lz4BlockEncoder, maxLz4BlockSize } from "../adapters/ltx/lz4-block-encoder.ts";
import { SparseDatabase } from "./devices/sparse-database.ts";
import {
  compactFiles,
  decodeFile,
  encodeFile,
  inPieces,
  pageOf,
  plainHeader,
  Sink,
} from "./ltx-writing.ts";
import { failure } from "./rejection.ts";

const test = suite("LTX lock page");

const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

for (const pageSize of PAGE_SIZES) {
  const lock = lockPage(pageSize);

  test(`with pages of ${pageSize} bytes files go round the lock page`, async () => {
    const shrunk = await encodeFile({
      header: plainHeader({ pageSize, commit: lock - 3, minTxid: 2n }),
      pages: { 1: 1 },
    });
    const grown = await encodeFile({
      header: plainHeader({ pageSize, commit: lock + 2, minTxid: 3n }),
      pages: { [lock - 1]: 2, [lock + 1]: 3 },
    });
    const compacted = await compactFiles([shrunk, grown]);
    const { pages } = await decodeFile(compacted);
    const expected = [1, lock - 2, lock - 1, lock + 1, lock + 2];
    assert.equal(
      pages.map(({ pgno }) => pgno),
      expected,
    );

    const filled = { 1: 1, [lock - 1]: 2, [lock + 1]: 3 };
    for (const files of [[shrunk, grown], [compacted]]) {
      const database = new SparseDatabase(pageSize);
      database.size = (lock + 2) * pageSize;
      for (const pgno of [lock - 2, lock - 1, lock + 1, lock + 2]) {
        database.blocks.set(pgno - 1, pageOf(pageSize, 9));
      }
      for (const file of files) await applyLtx(inPieces(file, 1000), database);
      assert.is(database.size, (lock + 2) * pageSize);
      assert.equal(database.filled, filled);
    }
  });

  test(`with pages of ${pageSize} bytes a database may end at the lock page`, async () => {
    const file = await encodeFile({
      header: plainHeader({ pageSize, commit: lock, minTxid: 2n }),
      pages: { [lock - 1]: 2 },
    });
    const database = new SparseDatabase(pageSize);
    await applyLtx(inPieces(file), database);
    assert.is(database.size, 2 ** 30 + pageSize);
    assert.equal(database.filled, { [lock - 1]: 2 });
    assert.is(contentPages(lock, pageSize), contentPages(lock - 1, pageSize));
  });

  test(`with pages of ${pageSize} bytes the lock page in a file is refused`, async () => {
    const header = plainHeader({ pageSize, commit: lock + 1, minTxid: 2n });
    const file = await encodeFile({ header, pages: { [lock - 1]: 2 } });
    new DataView(file.buffer).setUint32(100, lock);
    const error = await failure(verifyLtx(inPieces(file)));
    assert.is(error.code, "CORRUPT");
    assert.match(error.message, `page ${lock} is the lock page`);

    const { offset, length } = locatePageIndex(file.subarray(-TAIL_SIZE), file.length);
    const entries = file.slice(offset, offset + length);
    const parse = (): unknown => parsePageIndex(entries, offset, header);
    parse();
    // The page before it is a power of two: one more has the lowest bit.
    entries[0] = (entries[0] ?? 0) | 1;
    assert.throws(parse, new RegExp(`page ${lock},`));
  });
}

/** A snapshot of a database over the lock page: zeros, but for what is on both sides of it. */
async function* snapshot(header: LtxHeader): AsyncGenerator<Uint8Array, void, undefined> {
  const { pageSize, commit } = header;
  const lock = lockPage(pageSize);
  const target = new Uint8Array(maxLz4BlockSize(pageSize));
  const [zeros, fives] = [0, 5].map((byte) => {
    const page = pageOf(pageSize, byte);
    const end = new Lz4BlockEncoder().encode(page, target, 0);
    return { page, payload: target.slice(0, end) };
  }) as [Compressed, Compressed];
  let written: Uint8Array[] = [];
  const encoder = new LtxEncoder(header, (bytes) => {
    written.push(bytes);
  });
  for (let pgno = 1; pgno <= commit; pgno++) {
    if (pgno === lock) continue;
    const { page, payload } = Math.abs(pgno - lock) === 1 ? fives : zeros;
    await encoder.add(pgno, page, payload);
    yield* written;
    written = [];
  }
  await encoder.finish();
  yield* written;
}

interface Compressed {
  readonly page: Uint8Array;
  readonly payload: Uint8Array;
}

test("a snapshot goes over the lock page, and so does what is compacted with it", async () => {
  const pageSize = 65536;
  const lock = lockPage(pageSize);
  const header = plainHeader({ pageSize, commit: lock + 3 });
  const later = await encodeFile({
    header: plainHeader({ pageSize, commit: lock + 2, minTxid: 2n }),
    pages: { 2: 8 },
  });
  const sink = new Sink();
  await compactLtx([snapshot(header), inPieces(later)], sink.write);
  const { bytes } = sink;
  const { offset, length } = locatePageIndex(bytes, bytes.length);
  const entries = bytes.subarray(offset, offset + length);
  assert.is(parsePageIndex(entries, offset, parseHeader(bytes)).count, lock + 1);
  const shorter = { ...parseHeader(bytes), commit: lock };
  assert.throws(() => parsePageIndex(entries, offset, shorter), /the index has, after page/);
  const longer = { ...parseHeader(bytes), commit: lock + 3 };
  assert.throws(() => parsePageIndex(entries, offset, longer), /16386 of 16387 pages/);

  const database = new SparseDatabase(pageSize);
  await database.resize(2 ** 31);
  database.blocks.set(lock - 1, pageOf(pageSize, 7));
  await applyLtx(inPieces(bytes), database);
  assert.is(database.size, (lock + 2) * pageSize);
  assert.equal(database.filled, { 2: 8, [lock - 1]: 5, [lock + 1]: 5 });
});

test.run();
