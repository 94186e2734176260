import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyLtx, compactLtx, type LtxHeader, NO_CHECKSUM } from "../adapters/ltx/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  checkedHeader,
  compactFiles,
  decodeFile,
  encodeFile,
  type FileSpec,
  inPieces,
  pageOf,
  plainHeader,
} from "./ltx-writing.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("LTX compactor");

/** As `FileSpec`, with what fills each page. */
interface Content {
  readonly header: LtxHeader;
  readonly pages: Readonly<Record<number, number>>;
  readonly postApplyChecksum?: bigint;
}

async function compact(...specs: readonly FileSpec[]): Promise<Content> {
  const files = await Promise.all(specs.map(encodeFile));
  const { header, pages, trailer } = await decodeFile(await compactFiles(files));
  const filled = pages.map(({ pgno, bytes }): [number, number] => {
    const [byte = -1] = bytes;
    assert.equal(bytes, pageOf(header.pageSize, byte), `page ${pgno}`);
    return [pgno, byte];
  });
  const { postApplyChecksum = -1n } = trailer ?? {};
  return { header, pages: Object.fromEntries(filled), postApplyChecksum };
}

/** What applying them one by one to a database gives. */
async function applied(
  files: readonly Uint8Array[],
  before: Uint8Array = new Uint8Array(),
): Promise<Uint8Array> {
  const database = new MemoryDevice(before.slice());
  for (const file of files) await applyLtx(inPieces(file), database);
  return database.bytes;
}

async function isCorrupt(work: Promise<unknown>, words: RegExp): Promise<void> {
  const error = await failure(work);
  assert.is(error.code, "CORRUPT");
  assert.match(error.message, words);
}

const FIRST: FileSpec = {
  header: checkedHeader({ commit: 3 }),
  pages: { 1: 0x81, 2: 0x82, 3: 0x83 },
  postApplyChecksum: 0x8a249272ad9f7dean,
};
const SECOND: FileSpec = {
  header: checkedHeader({
    commit: 3,
    minTxid: 2n,
    timestamp: 2000,
    preApplyChecksum: 0x8a249272ad9f7dean,
  }),
  pages: { 1: 0x91, 3: 0x93 },
  postApplyChecksum: 0x8a249272ad9f7dean,
};
const FLAG = 1n << 63n;

test("one input comes out as it was, its place in the WAL apart", async () => {
  const spec = {
    header: checkedHeader({ pageSize: 512 }),
    pages: { 1: "1".charCodeAt(0) },
    postApplyChecksum: 0xeb1a999231044dddn,
  };
  assert.equal(await compact(spec), spec);
  const file = await encodeFile(spec);
  assert.equal(await compactFiles([file]), file);
});

test("of a snapshot and what follows, each page is the newest", async () => {
  assert.equal(await compact(FIRST, SECOND), {
    header: { ...FIRST.header, maxTxid: 2n, timestamp: 2000 },
    pages: { 1: 0x91, 2: 0x82, 3: 0x93 },
    postApplyChecksum: 0x8a249272ad9f7dean,
  });
});

test("without a snapshot, the pages of all, and the checksums of the ends", async () => {
  const files: FileSpec[] = [
    {
      header: checkedHeader({ commit: 3, minTxid: 2n, maxTxid: 3n }),
      pages: { 3: 0x83 },
      postApplyChecksum: FLAG | 4n,
    },
    {
      header: checkedHeader({ commit: 3, minTxid: 4n, maxTxid: 5n }),
      pages: { 1: 0x91 },
      postApplyChecksum: FLAG | 6n,
    },
    {
      header: checkedHeader({ commit: 5, minTxid: 6n, maxTxid: 9n, timestamp: 3000 }),
      pages: { 2: 0xa2, 3: 0xa3, 5: 0xa5 },
      postApplyChecksum: FLAG | 9n,
    },
  ];
  assert.equal(await compact(...files), {
    header: checkedHeader({ commit: 5, minTxid: 2n, maxTxid: 9n, timestamp: 3000 }),
    // Page 4 of a longer database was cut off at first, and has come back without being written.
    pages: { 1: 0x91, 2: 0xa2, 3: 0xa3, 4: 0, 5: 0xa5 },
    postApplyChecksum: FLAG | 9n,
  });
});

test("pages behind the last commit are left out", async () => {
  const files: FileSpec[] = [
    {
      header: checkedHeader({ commit: 3, minTxid: 2n, maxTxid: 3n }),
      pages: { 3: 0x83 },
      postApplyChecksum: FLAG | 4n,
    },
    {
      header: checkedHeader({ commit: 2, minTxid: 4n, maxTxid: 5n, timestamp: 2000 }),
      pages: { 1: 0x91 },
      postApplyChecksum: FLAG | 5n,
    },
  ];
  assert.equal(await compact(...files), {
    header: checkedHeader({ commit: 2, minTxid: 2n, maxTxid: 5n, timestamp: 2000 }),
    pages: { 1: 0x91 },
    postApplyChecksum: FLAG | 5n,
  });
});

/** A history that shrinks and grows, without checksums: commit and pages of each file. */
function history(...files: readonly (readonly [number, readonly number[]])[]): FileSpec[] {
  return files.map(([commit, pgnos], index) => ({
    header: plainHeader({ commit, minTxid: BigInt(index + 1) }),
    pages: Object.fromEntries(pgnos.map((pgno) => [pgno, 16 * (index + 1) + pgno])),
  }));
}

test("a page that was cut off and came back unwritten is zeros, as when files are applied", async () => {
  const specs = history([4, [1, 2, 3, 4]], [2, [1]], [5, [5]]);
  const { pages } = await compact(...specs);
  assert.equal(pages, { 1: 33, 2: 18, 3: 0, 4: 0, 5: 53 });
});

test("compacting what was compacted gives the same as compacting all at once", async () => {
  const specs = history([4, [1, 2, 3, 4]], [2, [2]], [6, [1, 6]], [3, [1]], [5, [2]], [5, [4]]);
  const files = await Promise.all(specs.map(encodeFile));
  const all = await compactFiles(files);
  for (let middle = 1; middle < files.length; middle++) {
    const [early, late] = [files.slice(0, middle), files.slice(middle)];
    const [before, after] = [await compactFiles(early), await compactFiles(late)];
    assert.equal(await compactFiles([before, after]), all, `split at ${middle}`);
    const longer = new Uint8Array(9 * 1024).fill(255);
    const base = await applied([before], longer);
    assert.equal(await applied([after], base), await applied(files), `split at ${middle}`);
  }
});

test("what a database of any length becomes does not depend on compaction", async () => {
  const specs = history([1, [1]], [4, [2, 4]], [3, [1]], [7, [7]]).slice(1);
  const files = await Promise.all(specs.map(encodeFile));
  const compacted = await compactFiles(files);
  for (let length = 0; length < 10; length++) {
    const before = new Uint8Array(length * 1024).fill(200);
    assert.equal(await applied([compacted], before), await applied(files, before));
  }
});

test("pages of zeros are limited while the inputs are not verified", async () => {
  const specs = history([1, [1]], [2 ** 32 - 1, [2 ** 31]]);
  const files = await Promise.all(specs.map(encodeFile));
  await isCorrupt(compactFiles(files), /page 2147483648 .* more than 1048576 of zeros/);
  const few = await Promise.all(history([1, [1]], [12, [11]]).map(encodeFile));
  await isCorrupt(compactFiles(few, { zeroPages: 8 }), /comes after 9 that no input has/);
  assert.is((await decodeFile(await compactFiles(few, { zeroPages: 9 }))).pages.length, 12);
  assert.instance(await rejection(compactFiles(few, { zeroPages: -1 })), RangeError);
});

test("an empty database, at the end and in between", async () => {
  const emptied = history([2, [1, 2]], [0, []]);
  assert.equal((await compact(...emptied)).pages, {});
  const refilled = history([2, [1, 2]], [0, []], [3, [1, 3]]);
  assert.equal((await compact(...refilled)).pages, { 1: 49, 2: 0, 3: 51 });
});

test("inputs with and without checksums make a file without", async () => {
  const plain = { header: plainHeader({ commit: 3, minTxid: 2n }), pages: { 1: 0x91 } };
  const { header, postApplyChecksum } = await compact(FIRST, plain);
  assert.equal([header.flags, header.preApplyChecksum], [NO_CHECKSUM, 0n]);
  assert.is(postApplyChecksum, 0n);
  const files = [await encodeFile(FIRST), await encodeFile(SECOND)];
  const without = await decodeFile(await compactFiles(files, { noChecksum: true }));
  assert.is(without.header.flags, NO_CHECKSUM);
});

test("inputs that cannot be compacted are refused", async () => {
  const none = await rejection(compactLtx([], () => {}));
  assert.instance(none, RangeError);
  await isCorrupt(compactFiles([new Uint8Array()]), /0 of 100 bytes/);
  const small = { header: plainHeader({ pageSize: 512, minTxid: 2n }), pages: {} };
  await isCorrupt(compact(FIRST, small), /different sizes: 1024 and 512/);
  const late = { header: plainHeader({ minTxid: 4n }), pages: {} };
  await isCorrupt(compact(FIRST, late), /0000000000000001 and 0000000000000004-0000000000000004/);
  await isCorrupt(compact(FIRST, FIRST), /do not follow one another/);
});

test("databases that do not follow one another by their checksums are refused", async () => {
  const header = { ...SECOND.header, preApplyChecksum: FLAG | 5n };
  await isCorrupt(compact(FIRST, { ...SECOND, header }), /begins with 8000000000000005/);
  const wrong = { ...SECOND, postApplyChecksum: FLAG | 5n };
  await isCorrupt(compact(FIRST, wrong), /as the last input says/);
});

test("an input that is broken behind its last page is found", async () => {
  const file = await encodeFile(SECOND);
  file[file.length - 1] = (file[file.length - 1] ?? 0) ^ 1;
  await isCorrupt(compactFiles([await encodeFile(FIRST), file]), /has the checksum/);
});

test("missing transactions are allowed where the caller says so", async () => {
  const late = {
    header: checkedHeader({ minTxid: 4n }),
    pages: { 1: 0x91 },
    postApplyChecksum: FLAG | 1n,
  };
  const files = [
    await encodeFile({ header: checkedHeader({ maxTxid: 2n }), pages: { 1: 0x81 } }),
    await encodeFile(late),
  ];
  const { header, pages } = await decodeFile(await compactFiles(files, { allowGaps: true }));
  assert.equal([header.minTxid, header.maxTxid, pages.length], [1n, 4n, 1]);
});

test("progress is told, and every input is let go of when it is aborted", async () => {
  let open = 0;
  async function* source(spec: FileSpec): AsyncGenerator<Uint8Array> {
    open += 1;
    try {
      for (const byte of await encodeFile(spec)) yield Uint8Array.of(byte);
    } finally {
      open -= 1;
    }
  }
  const pages: number[] = [];
  await compactLtx([source(FIRST), source(SECOND)], () => {}, {
    onPage: (pgno, commit) => pages.push(pgno, commit),
  });
  assert.equal(pages, [1, 3, 2, 3, 3, 3]);

  const controller = new AbortController();
  const inputs = [source(FIRST), source(SECOND)];
  const work = compactLtx(inputs, () => {}, {
    signal: controller.signal,
    onPage: () => controller.abort(new Error("enough")),
  });
  assert.match(String(await rejection(work)), "enough");
  assert.is(open, 0);
});

test.run();
