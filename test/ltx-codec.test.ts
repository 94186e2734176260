import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CHECKSUM_FLAG,
  Crc64,
  LtxDecoder,
  LtxEncoder,
  locatePageIndex,
  lockPage,
  NO_CHECKSUM,
  parseHeader,
  parsePageIndex,
  TAIL_SIZE,
  verifyLtx,
} from "../adapters/ltx/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { type FixtureFile, fixtureFile, fixtureFiles, REPLICAS } from "./ltx-files.ts";
import {
  checkedHeader,
  decodeFile,
  encodeFile,
  type FileSpec,
  inPieces,
  pageOf,
  plainHeader,
  Sink,
} from "./ltx-writing.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("LTX encoder and decoder");

const allFiles = (): readonly FixtureFile[] => REPLICAS.flatMap(fixtureFiles);

async function isCorrupt(work: Promise<unknown>, words: RegExp): Promise<void> {
  const error = await failure(work);
  assert.is(error.code, "CORRUPT");
  assert.match(error.message, words);
}

async function isRefused(work: Promise<unknown>, words: RegExp): Promise<void> {
  const error = await rejection(work);
  assert.instance(error, RangeError);
  assert.match(String(error), words);
}

/** Incompressible, and the same every time. */
function noise(size: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

test("a file reads as it was written, whatever pieces it arrives in", async () => {
  const spec: FileSpec = {
    header: checkedHeader({ commit: 2, pageSize: 1024 }),
    pages: { 1: "2".charCodeAt(0), 2: "3".charCodeAt(0) },
    postApplyChecksum: 0xe1899b6d587aaaaan,
  };
  const bytes = await encodeFile(spec);
  for (const pieceSize of [1, 7, 99, 100, 101, Number.POSITIVE_INFINITY]) {
    const { header, pages, trailer } = await decodeFile(bytes, pieceSize);
    assert.equal(header, spec.header);
    assert.equal(pages, [
      { pgno: 1, bytes: pageOf(1024, "2".charCodeAt(0)) },
      { pgno: 2, bytes: pageOf(1024, "3".charCodeAt(0)) },
    ]);
    assert.is(trailer?.postApplyChecksum, 0xe1899b6d587aaaaan);
  }
});

test("the index of a written file leads to its pages", async () => {
  const bytes = await encodeFile({ header: plainHeader({ commit: 2 }), pages: { 1: 50, 2: 51 } });
  const { offset, length } = locatePageIndex(bytes.subarray(-TAIL_SIZE), bytes.length);
  const entries = bytes.subarray(offset, offset + length);
  const index = parsePageIndex(entries, offset, parseHeader(bytes));
  assert.equal([...index.pgnos], [1, 2]);
  assert.is(index.find(1)?.offset, 100);
  assert.is(index.find(2)?.offset, 100 + (index.find(1)?.size ?? 0));
});

test("pages of 64 KiB that compress well, or not at all, have an LZ4 block", async () => {
  const pages = { 1: new Uint8Array(65536), 2: noise(65536), 3: pageOf(65536, 7) };
  const header = plainHeader({ pageSize: 65536, commit: 3 });
  const bytes = await encodeFile({ header, pages });
  const decoded = await decodeFile(bytes, 4096);
  assert.equal(
    decoded.pages.map((page) => page.bytes),
    Object.values(pages),
  );
  assert.equal([...bytes.subarray(100, 106)], [0, 0, 0, 1, 0, 1]);
});

test("an empty database, with checksums and without", async () => {
  const part = { commit: 0, minTxid: 5n, maxTxid: 6n };
  const checked = await encodeFile({
    header: checkedHeader(part),
    pages: {},
    postApplyChecksum: CHECKSUM_FLAG,
  });
  assert.is((await verifyLtx(inPieces(checked))).trailer.postApplyChecksum, CHECKSUM_FLAG);
  const plain = await encodeFile({ header: plainHeader(part), pages: {} });
  const { trailer, pageCount, size } = await verifyLtx(inPieces(plain));
  assert.equal([trailer.postApplyChecksum, pageCount, size], [0n, 0, plain.length]);

  const encoder = new LtxEncoder(checkedHeader(part), new Sink().write);
  await isRefused(encoder.finish(CHECKSUM_FLAG | 1n), /of an empty database/);
});

test("a snapshot's checksum is known; another file's must be given", async () => {
  const pages = { 1: 0x81, 2: 0x82, 3: 0x83 };
  const snapshot = await encodeFile({ header: checkedHeader({ commit: 3 }), pages });
  const { trailer } = await verifyLtx(inPieces(snapshot));
  assert.is(trailer.postApplyChecksum, 0x8a249272ad9f7dean);
  const later = { header: checkedHeader({ commit: 3, minTxid: 2n }), pages };
  await isRefused(encodeFile(later), /needs a post-apply checksum/);
  const wrong = { header: checkedHeader({ commit: 3 }), pages, postApplyChecksum: CHECKSUM_FLAG };
  await isCorrupt(verifyLtx(inPieces(await encodeFile(wrong))), /the database of the snapshot/);
});

const BAD_PAGES: readonly (readonly [RegExp, number, Partial<FileSpec["header"]>, number[]])[] = [
  [/there is no page 0/, 0, { commit: 1 }, []],
  [/there is no page 1.5/, 1.5, { commit: 2 }, [1]],
  [/page 5 lies outside a database of 4 pages/, 5, { commit: 4, minTxid: 2n }, []],
  [/a snapshot begins with page 2/, 2, { commit: 2 }, []],
  [/a snapshot has page 3 after page 1/, 3, { commit: 3 }, [1]],
  [/page 1 comes after page 2/, 1, { commit: 2, minTxid: 2n }, [2]],
  [/page 2 comes after page 2/, 2, { commit: 2, minTxid: 2n }, [2]],
];

for (const [words, pgno, part, before] of BAD_PAGES) {
  test(`a page is refused: ${words.source}`, async () => {
    const encoder = new LtxEncoder(plainHeader(part), new Sink().write);
    for (const page of before) await encoder.add(page, new Uint8Array(1024));
    await isRefused(encoder.add(pgno, new Uint8Array(1024)), words);
  });
}

test("the lock page is refused, and a snapshot goes on right after it", async () => {
  const lock = lockPage(65536);
  const encoder = new LtxEncoder(plainHeader({ pageSize: 65536, commit: lock + 2 }), () => {});
  const page = new Uint8Array(65536);
  for (let pgno = 1; pgno < lock; pgno++) await encoder.add(pgno, page, page.subarray(0, 1));
  await isRefused(encoder.add(lock, page), /is the lock page/);
  await isRefused(encoder.add(lock + 2, page), /page 16387 after page 16384/);
  await encoder.add(lock + 1, page);
  await isRefused(encoder.finish(), /ends after page 16386/);
});

test("a page of another size is refused, and everything after the end", async () => {
  const encoder = new LtxEncoder(plainHeader({}), new Sink().write);
  await isRefused(encoder.add(1, new Uint8Array(512)), /page 1 has 512 bytes, not 1024/);
  await isRefused(encoder.finish(), /ends after page 0/);
  await encoder.add(1, new Uint8Array(1024));
  await encoder.finish();
  const late = [encoder.finish(), encoder.add(1, new Uint8Array(1024))];
  for (const work of late) assert.ok(isHeadwaterError(await rejection(work), "CLOSED"));
});

test("a decoder is closed early, or used for a page of another size", async () => {
  const bytes = await encodeFile({ header: plainHeader({}), pages: { 1: 1 } });
  const decoder = await LtxDecoder.open(inPieces(bytes));
  await isRefused(decoder.next(new Uint8Array(512)), /512 bytes for a page of 1024/);
  await decoder.close();
  assert.ok(isHeadwaterError(await rejection(decoder.next(new Uint8Array(1024))), "CLOSED"));
});

test("the source is let go of at the end, at an error and when it is closed", async () => {
  const bytes = await encodeFile({ header: plainHeader({}), pages: { 1: 1 } });
  const broken = bytes.slice();
  broken[0] = 0;
  let open = 0;
  async function* source(content: Uint8Array): AsyncGenerator<Uint8Array> {
    open += 1;
    try {
      for (const byte of content) yield Uint8Array.of(byte);
    } finally {
      open -= 1;
    }
  }
  await verifyLtx(source(bytes));
  assert.is(open, 0, "at the end");
  await rejection(verifyLtx(source(broken)));
  assert.is(open, 0, "at an error");
  broken.set(bytes);
  broken[broken.length - 1] = 0;
  await rejection(verifyLtx(source(broken)));
  assert.is(open, 0, "at an error at the end");
  const decoder = await LtxDecoder.open(source(bytes));
  await decoder.close();
  assert.is(open, 0, "closed");
});

test("every file of a real Litestream is verified, in pieces of any size", async () => {
  for (const { path, bytes } of allFiles()) {
    for (const pieceSize of [13, 5000, Number.POSITIVE_INFINITY]) {
      const { size, header } = await verifyLtx(inPieces(bytes, pieceSize));
      assert.is(size, bytes.length, path);
      assert.is(header.flags, NO_CHECKSUM);
    }
  }
});

test("a real file that was decoded and encoded again holds the same", async () => {
  for (const { bytes } of allFiles()) {
    const { header, pages } = await decodeFile(bytes);
    const entries = pages.map((page) => [page.pgno, page.bytes] as const);
    const again = await encodeFile({ header, pages: Object.fromEntries(entries) });
    const decoded = await decodeFile(again);
    assert.equal(decoded.header, header);
    assert.equal(decoded.pages, pages);
  }
});

test("a file cut anywhere is found to be cut", async () => {
  const { bytes } = fixtureFile("small", 2);
  for (let length = 0; length < bytes.length; length++) {
    const cut = inPieces(bytes.subarray(0, length));
    await isCorrupt(verifyLtx(cut), length < 100 ? /of 100 bytes/ : /the file ends at/);
  }
});

/** The same file with another index, and a checksum that is right all the same. */
async function withIndex(
  bytes: Uint8Array,
  change: (index: Uint8Array) => void,
): Promise<Uint8Array> {
  const { pages } = await decodeFile(bytes);
  const { offset, length } = locatePageIndex(bytes, bytes.length);
  const index = parsePageIndex(bytes.slice(offset, offset + length), offset, parseHeader(bytes));
  const changed = bytes.slice();
  change(changed.subarray(offset, offset + length + 8));
  const sum = new Crc64().update(changed, 0, 100);
  for (const { pgno, bytes: page } of pages) {
    const frame = index.find(pgno)?.offset ?? 0;
    sum.update(changed, frame, frame + 10).update(page);
  }
  sum.update(changed, offset - 6, bytes.length - 8);
  new DataView(changed.buffer).setBigUint64(bytes.length - 8, sum.checksum);
  return changed;
}

test("an index that does not agree with the pages is found, though the checksum does", async () => {
  const { bytes } = fixtureFile("small", 2);
  assert.equal(await withIndex(bytes, () => {}), bytes);
  const other = await withIndex(bytes, (index) => {
    index[0] = 2;
  });
  await isCorrupt(verifyLtx(inPieces(other)), /the page index at \d+ does not agree/);
  const longer = await withIndex(bytes, (index) => {
    index[index.length - 1] = (index[index.length - 1] ?? 0) + 1;
  });
  await isCorrupt(verifyLtx(inPieces(longer)), /an index of \d+ bytes is said to have/);
});

test("a byte too many is found", async () => {
  const { bytes } = fixtureFile("small", 2);
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  await isCorrupt(verifyLtx(inPieces(longer)), /goes on after its trailer/);
});

/** Two LZ4 blocks can be of the same page: a change of one into the other changes nothing. */
test("any byte that is changed is found, unless the pages stay as they were", async () => {
  for (const replica of ["small", "small-frame"]) {
    const { bytes } = fixtureFile(replica, 2);
    const { pages } = await decodeFile(bytes);
    let unnoticed = 0;
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      try {
        assert.equal((await decodeFile(changed)).pages, pages);
        unnoticed += 1;
      } catch (error) {
        assert.ok(isHeadwaterError(error, "CORRUPT"), `${replica}, byte ${at}: ${error}`);
      }
    }
    assert.ok(unnoticed < bytes.length / 50, `${unnoticed} changes of ${bytes.length}`);
  }
});

test.run();
