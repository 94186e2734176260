import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type DatabaseHeader,
  isContentPage,
  isPointerMapPage,
  lockPage,
  openPageReader,
  type PageReader,
  parseDatabaseHeader,
  pointerMapPages,
} from "../adapters/sqlite/btree/index.ts";
import { decodeRecord, type RecordValue } from "../adapters/sqlite/btree/record.ts";
import { readVarint } from "../adapters/sqlite/btree/varint.ts";
import { HeadwaterError } from "../lib/index.ts";
import { isCorrupt, rejects } from "./sqlite-corrupt.ts";
import { memoryBlob } from "./sqlite-databases.ts";
import { makeLayout } from "./sqlite-pages.ts";

const test = suite("SQLite format");

/** The header of a database of 9 pages of 4096 bytes. */
function header(change?: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(100);
  bytes.set(new TextEncoder().encode("SQLite format 3\0"));
  bytes.set([16, 0, 1, 1, 0, 64, 32, 32], 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(28, 9);
  view.setUint32(56, 1);
  change?.(view);
  return bytes;
}

function setSizes(view: DataView, pageSize: number, reserved: number): void {
  view.setUint16(16, pageSize);
  view.setUint8(20, reserved);
}

test("a header says what its database is like", () => {
  const plain: DatabaseHeader = {
    pageSize: 4096,
    usableSize: 4096,
    pageCount: 9,
    freelistTrunk: 0,
    freelistCount: 0,
    isAutoVacuum: false,
    encoding: "utf-8",
  };
  const cases: readonly (readonly [Partial<DatabaseHeader>, (view: DataView) => void])[] = [
    [{}, () => {}],
    [{ pageSize: 65536, usableSize: 65536 }, (view) => view.setUint16(16, 1)],
    [{ pageSize: 512, usableSize: 480 }, (view) => setSizes(view, 512, 32)],
    [{ usableSize: 4096 - 255 }, (view) => view.setUint8(20, 255)],
    [{ pageCount: 0 }, (view) => view.setUint32(24, 1)],
    [{ freelistTrunk: 7, freelistCount: 2 }, (view) => view.setBigUint64(32, 0x700000002n)],
    [{ isAutoVacuum: true }, (view) => view.setUint32(52, 3)],
    [{ encoding: "utf-8" }, (view) => view.setUint32(56, 0)],
    [{ encoding: "utf-16le" }, (view) => view.setUint32(56, 2)],
    [{ encoding: "utf-16be" }, (view) => view.setUint32(56, 3)],
    [{ encoding: "utf-16le" }, (view) => view.setUint32(56, 0x7e)],
  ];
  for (const [expected, change] of cases) {
    const bytes = header(change);
    assert.equal(parseDatabaseHeader(bytes), { ...plain, ...expected });
    const moved = new Uint8Array(103);
    moved.set(bytes, 3);
    assert.equal(parseDatabaseHeader(moved.subarray(3)), { ...plain, ...expected });
  }
});

test("a header that SQLite would refuse is refused", () => {
  const cases: readonly (readonly [RegExp, number, (view: DataView) => void])[] = [
    [/no SQLite database/, 5, (view) => view.setUint8(5, 0)],
    [/page size 256/, 16, (view) => view.setUint16(16, 256)],
    [/page size 1000/, 16, (view) => view.setUint16(16, 1000)],
    [/page size 0/, 16, (view) => view.setUint16(16, 0)],
    [/version 3/, 19, (view) => view.setUint8(19, 3)],
    [/only 479 bytes/, 20, (view) => setSizes(view, 512, 33)],
    [/payload fraction 63/, 21, (view) => view.setUint8(21, 63)],
    [/payload fraction 33/, 23, (view) => view.setUint8(23, 33)],
  ];
  for (const [words, offset, change] of cases) {
    assert.throws(() => parseDatabaseHeader(header(change)), isCorrupt(words, offset));
  }
  assert.throws(() => parseDatabaseHeader(header().subarray(0, 99)), isCorrupt(/99 bytes/));
});

test("a database has as many pages as its header says, or as its file", async () => {
  const open = async (size: number, change?: (view: DataView) => void): Promise<PageReader> => {
    const bytes = new Uint8Array(size);
    bytes.set(header(change).subarray(0, size));
    return await openPageReader(memoryBlob(bytes));
  };
  assert.is((await open(9 * 4096)).pageCount, 9);
  assert.is((await open(20 * 4096)).pageCount, 9);
  assert.is((await open(20 * 4096, (view) => view.setUint32(24, 5))).pageCount, 20);
  const torn = await open(19 * 4096 + 1, (view) => view.setUint32(28, 0));
  assert.is(torn.pageCount, 20);
  assert.is((await torn.read(20)).length, 4096);
  await rejects(open(8 * 4096), /9 pages in 32768 bytes/, 28);
  await rejects(open(99), /99 bytes/);
  await rejects(open(0), /0 bytes/);
});

test("the lock page and the pages of the pointer map are no content", () => {
  const plain = makeLayout(3000);
  assert.equal(
    [0, 1, 3000, 3001, 1.5, Number.NaN].map((pgno) => isContentPage(plain, pgno)),
    [false, true, true, false, false, false],
  );
  assert.equal([...pointerMapPages(plain)], []);
  const vacuumed = makeLayout(308, { isAutoVacuum: true });
  assert.equal([...pointerMapPages(vacuumed)], [2, 105, 208]);
  assert.equal(
    [1, 2, 3, 104, 105, 106].map((pgno) => isPointerMapPage(vacuumed, pgno)),
    [false, true, false, false, true, false],
  );
  for (const pageSize of [512, 1024, 65536]) {
    const large = makeLayout(5_000_000, { pageSize, usableSize: pageSize, isAutoVacuum: true });
    assert.is((lockPage(large) - 1) * pageSize, 2 ** 30);
    assert.not(isContentPage(large, lockPage(large)));
    assert.not(isPointerMapPage(large, lockPage(large)));
    // With pages of 1024 bytes both would be the same page, and the map's is the one after it.
    assert.is(isPointerMapPage(large, lockPage(large) + 1), pageSize === 1024);
    const listed = new Set(pointerMapPages(large));
    for (let pgno = 1; pgno < 10_000; pgno += 1) {
      for (const at of [pgno, lockPage(large) - 5000 + pgno]) {
        assert.is(isPointerMapPage(large, at), listed.has(at), `page ${at} of ${pageSize}`);
      }
    }
  }
});

test("a number takes one to nine bytes", () => {
  const read = (...bytes: number[]): number | undefined => {
    const cursor = { bytes: Uint8Array.from([...bytes, 1]), at: 0, end: bytes.length };
    const value = readVarint(cursor);
    assert.is(cursor.at, value === undefined ? 0 : bytes.length);
    return value;
  };
  assert.is(read(0), 0);
  assert.is(read(127), 127);
  assert.is(read(0x81, 0), 128);
  assert.is(read(0x87, 0xff, 0xff, 0xff, 0x7f), 2 ** 31 - 1);
  assert.is(read(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0), 256);
  assert.is(read(...Array(9).fill(0xff)), 2 ** 64);
  assert.is(read(0x80), undefined);
  assert.is(read(...Array(8).fill(0xff)), undefined);
  assert.is(read(), undefined);
});

test("a record has values of every serial type", () => {
  const fail = (problem: string): HeadwaterError => new HeadwaterError("CORRUPT", problem);
  const decode = (types: number[], body: number[], count = 99): RecordValue[] =>
    decodeRecord(Uint8Array.from([types.length + 1, ...types, ...body]), "utf-8", count, fail);
  assert.equal(decode([0, 8, 9], []), [null, 0, 1]);
  assert.equal(decode([1, 2, 3], [0xff, 0x80, 0, 0x7f, 0xff, 0xff]), [-1, -32768, 8388607]);
  assert.equal(decode([4], [0x80, 0, 0, 0]), [-(2 ** 31)]);
  assert.equal(decode([5], [0x80, 0, 0, 0, 0, 0]), [-(2 ** 47)]);
  assert.equal(decode([6], [0, 31, 255, 255, 255, 255, 255, 255]), [2 ** 53 - 1]);
  assert.equal(decode([6], [0x80, 0, 0, 0, 0, 0, 0, 0]), [-(2n ** 63n)]);
  assert.equal(decode([7], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), [1.5]);
  assert.equal(decode([16, 17, 12, 13], [1, 2, 0xc3, 0xa4]), [
    Uint8Array.of(1, 2),
    "ä",
    new Uint8Array(),
    "",
  ]);
  assert.equal(decode([9, 9, 10], [], 2), [1, 1], "only what is wanted is looked at");
  const text = Uint8Array.from([2, 21, 0x20, 0xac, 0xd8, 0x3d]);
  assert.equal(decodeRecord(text, "utf-16be", 1, fail), ["€\ud83d"]);
  assert.equal(decodeRecord(Uint8Array.from([2, 17, 0xac, 0x20]), "utf-16le", 1, fail), ["€"]);
  assert.equal(decodeRecord(Uint8Array.from([2, 15, 0xac]), "utf-16be", 1, fail), [""]);

  assert.throws(() => decode([10], []), isCorrupt(/serial type 10/));
  assert.throws(() => decode([1], []), isCorrupt(/column of 1 bytes at 2 of a record of 2/));
  assert.throws(() => decode([0x81], []), isCorrupt(/serial type undefined/));
  assert.throws(() => decodeRecord(Uint8Array.of(0), "utf-8", 9, fail), isCorrupt(/header of 0/));
  assert.throws(() => decodeRecord(Uint8Array.of(3, 0), "utf-8", 9, fail), isCorrupt(/of 3/));
  assert.throws(() => decodeRecord(Uint8Array.of(), "utf-8", 9, fail), isCorrupt(/undefined/));
});

test.run();
