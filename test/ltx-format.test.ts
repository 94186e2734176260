import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CHECKSUM_FLAG,
  Crc64,
  contentPages,
  decodeFrame,
  encodeHeader,
  formatFileName,
  HEADER_SIZE,
  isPageSize,
  type LtxHeader,
  locatePageIndex,
  lockPage,
  NO_CHECKSUM,
  pageChecksum,
  parseFileName,
  parseHeader,
  parsePageIndex,
  parseTrailer,
  parseTxid,
  TAIL_SIZE,
  TRAILER_SIZE,
  toggledChecksum,
} from "../adapters/ltx/index.ts";
import { xxh32 } from "../adapters/ltx/xxh32.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { fixtureFiles, REPLICAS } from "./ltx-files.ts";

const test = suite("LTX format");

const HEADER: LtxHeader = {
  flags: 0,
  pageSize: 1024,
  commit: 2,
  minTxid: 3n,
  maxTxid: 4n,
  timestamp: 1000,
  preApplyChecksum: CHECKSUM_FLAG,
  walOffset: 0,
  walSize: 0,
  walSalt1: 0,
  walSalt2: 0,
  nodeId: 0n,
};

const filled = (size: number, byte: number | string): Uint8Array =>
  new Uint8Array(size).fill(typeof byte === "string" ? byte.charCodeAt(0) : byte);

function databaseChecksum(pages: readonly (readonly [number, Uint8Array])[]): bigint {
  return pages.reduce(
    (sum, [pgno, page]) => toggledChecksum(sum, pageChecksum(pgno, page)),
    CHECKSUM_FLAG,
  );
}

const isCorrupt =
  (words: RegExp) =>
  (error: unknown): boolean =>
    isHeadwaterError(error, "CORRUPT") && words.test(error.message);

test("a CRC-64/ISO is that of the standard, at every length and alignment", () => {
  assert.is(new Crc64().update(new TextEncoder().encode("123456789")).value, 0xb90956c775a41001n);
  const bytes = Uint8Array.from({ length: 200 }, (_, i) => (i * 131) % 251);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= bytes.length; end += 7) {
      const slow = new Crc64();
      for (let at = start; at < end; at++) slow.update(bytes, at, at + 1);
      assert.is(new Crc64().update(bytes, start, end).value, slow.value, `${start} to ${end}`);
      assert.is(new Crc64().update(bytes.subarray(start, end)).value, slow.value);
    }
  }
});

test("checksums of pages and databases are those of the reference implementation", () => {
  const vectors: readonly (readonly [bigint, readonly (readonly [number, Uint8Array])[]])[] = [
    [0xefffffffecd99000n, [1, 2, 3].map((pgno) => [pgno, filled(512, pgno)] as const)],
    [0xeb1a999231044dddn, [[1, filled(512, "1")]]],
    [0x8a249272ad9f7dean, [1, 2, 3].map((pgno) => [pgno, filled(1024, 0x80 + pgno)] as const)],
    [0xe1899b6d587aaaaan, [1, 2].map((pgno) => [pgno, filled(1024, `${pgno + 1}`)] as const)],
    [0x8b87423eeeeeeeeen, [1, 2].map((pgno) => [pgno, filled(512, `${pgno + 1}`)] as const)],
    [0xeb953fc47685d740n, [[1, filled(1024, 0x81)]]],
    [CHECKSUM_FLAG, []],
  ];
  for (const [checksum, pages] of vectors) assert.is(databaseChecksum(pages), checksum);
  const [first, second] = [filled(1024, 0x91), filled(1024, 0x82)];
  const third = filled(1024, 0x93);
  assert.is(
    databaseChecksum([
      [3, third],
      [1, first],
      [2, second],
    ]),
    0x8a249272ad9f7dean,
  );
});

test("a database beyond the lock page has the checksum of all its other pages", () => {
  const commit = lockPage(4096) + 10;
  const page = filled(4096, "x");
  let checksum = CHECKSUM_FLAG;
  for (let pgno = 1; pgno <= commit; pgno++) {
    if (pgno !== lockPage(4096)) checksum = toggledChecksum(checksum, pageChecksum(pgno, page));
  }
  assert.is(checksum, 0xc19b668c376662c7n);
});

test("an xxh32 is that of the standard", () => {
  const text = new TextEncoder().encode("Nobody inspects the spammish repetition");
  assert.is(xxh32(new Uint8Array()), 0x02cc5d05);
  assert.is(xxh32(new TextEncoder().encode("abc")), 0x32d153ff);
  assert.is(xxh32(text), 0xe2293b2f);
});

test("page sizes are SQLite's, and each has its lock page", () => {
  const sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
  assert.ok(sizes.every(isPageSize));
  assert.not([0, 1, 256, 1000, 131072, -512, 512.5, Number.NaN].some(isPageSize));
  assert.is(lockPage(4096), 262145);
  assert.ok(sizes.every((size) => (lockPage(size) - 1) * size === 2 ** 30));
  assert.equal(
    [262144, 262145, 262146].map((commit) => contentPages(commit, 4096)),
    [262144, 262144, 262145],
  );
});

test("a header reads as it was written", () => {
  const all: LtxHeader = {
    ...HEADER,
    timestamp: 1_795_382_511_015,
    walOffset: 32,
    walSize: 4120,
    walSalt1: 0xffffffff,
    walSalt2: 1,
    nodeId: 2n ** 64n - 1n,
    maxTxid: 2n ** 64n - 1n,
  };
  assert.equal(parseHeader(encodeHeader(all)), all);
  const moved = new Uint8Array(HEADER_SIZE + 3);
  moved.set(encodeHeader(all), 3);
  assert.equal(parseHeader(moved.subarray(3)), all);
});

const BAD_HEADERS: readonly (readonly [RegExp, Partial<LtxHeader>])[] = [
  [/invalid flags 0x1/, { flags: 1 }],
  [/invalid page size 1000/, { pageSize: 1000 }],
  [/the first transaction is 0/, { minTxid: 0n }],
  [/the last transaction is 0/, { maxTxid: 0n }],
  [/transactions out of order: 5, 4/, { minTxid: 5n }],
  [/negative WAL offset -1/, { walOffset: -1 }],
  [/negative WAL size -1/, { walSize: -1 }],
  [/a WAL salt without a WAL offset/, { walSalt2: 1 }],
  [/a WAL size 9 without a WAL offset/, { walSize: 9 }],
  [/a pre-apply checksum on a snapshot/, { minTxid: 1n }],
  [/and the flag that there is none/, { flags: NO_CHECKSUM }],
  [/no pre-apply checksum on a file that is not a snapshot/, { preApplyChecksum: 0n }],
  [/invalid pre-apply checksum 1/, { preApplyChecksum: 1n }],
  [/too large/, { timestamp: 2 ** 60 }],
];

for (const [words, change] of BAD_HEADERS) {
  test(`a header is refused: ${words.source}`, () => {
    const header = { ...HEADER, ...change };
    assert.throws(() => encodeHeader(header), words);
    assert.throws(() => parseHeader(written(header)), isCorrupt(words));
  });
}

/** The bytes of a header, whether it is valid or not. */
function written(header: LtxHeader): Uint8Array {
  const bytes = encodeHeader(HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, header.flags);
  view.setUint32(8, header.pageSize);
  view.setBigUint64(16, header.minTxid);
  view.setBigUint64(24, header.maxTxid);
  view.setBigInt64(32, BigInt(header.timestamp));
  view.setBigUint64(40, header.preApplyChecksum);
  view.setBigInt64(48, BigInt(header.walOffset));
  view.setBigInt64(56, BigInt(header.walSize));
  view.setUint32(64, header.walSalt1);
  view.setUint32(68, header.walSalt2);
  return bytes;
}

test("what is too short or not LTX is said to be so", () => {
  const bytes = encodeHeader(HEADER);
  assert.throws(() => parseHeader(bytes.subarray(0, 99)), isCorrupt(/99 of 100 bytes/));
  assert.throws(() => parseHeader(new Uint8Array(100)), isCorrupt(/not an LTX file/));
  bytes[3] = 0x34;
  assert.throws(() => parseHeader(bytes), isCorrupt(/version 4/));
});

test("a trailer goes with its header", () => {
  const parse = (post: bigint, file: bigint, header: LtxHeader): (() => unknown) => {
    const bytes = new Uint8Array(TRAILER_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, post);
    view.setBigUint64(8, file);
    return () => parseTrailer(bytes, header, 500);
  };
  const plain = { ...HEADER, flags: NO_CHECKSUM, preApplyChecksum: 0n };
  const file = CHECKSUM_FLAG | 5n;
  const trailer = { postApplyChecksum: CHECKSUM_FLAG | 7n, fileChecksum: file };
  assert.equal(parse(CHECKSUM_FLAG | 7n, file, HEADER)(), trailer);
  assert.equal(parse(0n, file, plain)(), { postApplyChecksum: 0n, fileChecksum: file });
  assert.throws(parse(CHECKSUM_FLAG, file, plain), isCorrupt(/the flag that there is none/));
  assert.throws(parse(0n, file, HEADER), isCorrupt(/no post-apply checksum/));
  assert.throws(parse(7n, file, HEADER), isCorrupt(/invalid post-apply checksum/));
  assert.throws(parse(CHECKSUM_FLAG | 7n, 0n, HEADER), isCorrupt(/no file checksum/));
  assert.throws(parse(CHECKSUM_FLAG | 7n, 5n, HEADER), isCorrupt(/invalid file checksum/));
  const empty = { ...HEADER, commit: 0 };
  assert.throws(parse(CHECKSUM_FLAG | 7n, file, empty), isCorrupt(/of an empty database/));
  assert.ok(parse(CHECKSUM_FLAG, file, empty)());
});

test("a file name holds its transactions", () => {
  const range = { minTxid: 1n, maxTxid: 1000n };
  assert.equal(parseFileName("0000000000000001-00000000000003e8.ltx"), range);
  assert.is(formatFileName(range), "0000000000000001-00000000000003e8.ltx");
  const wrong = [
    "000000000000000z-00000000000003e8.ltx",
    "0000000000000001.ltx",
    "0000000000000001-00000000000003E8.ltx",
    "0000000000000001-00000000000003e8.ltx.tmp",
    "0000000000000001-00000000000003e8.zzz",
  ];
  for (const name of wrong) assert.is(parseFileName(name), undefined, name);
  assert.is(parseTxid("ffffffffffffffff"), 2n ** 64n - 1n);
  assert.throws(() => parseTxid("1"), /sixteen hexadecimal digits/);
  assert.throws(() => formatFileName({ minTxid: -1n, maxTxid: 1n }), RangeError);
});

for (const replica of REPLICAS) {
  test(`every page of ${replica} is found by the index and decompressed`, () => {
    for (const { name, bytes } of fixtureFiles(replica)) {
      const header = parseHeader(bytes);
      assert.equal(parseFileName(name), { minTxid: header.minTxid, maxTxid: header.maxTxid });
      const { offset, length } = locatePageIndex(bytes.subarray(-TAIL_SIZE), bytes.length);
      const index = parsePageIndex(bytes.subarray(offset, offset + length), offset, header);
      parseTrailer(bytes.subarray(-TRAILER_SIZE), header, bytes.length - TRAILER_SIZE);
      assert.is(index.find(0), undefined);
      assert.is(index.find(header.commit + 1), undefined);
      for (const pgno of index.pgnos) {
        const frame = index.find(pgno);
        assert.ok(frame);
        const part = bytes.subarray(frame.offset, frame.offset + frame.size);
        assert.is(decodeFrame(part, header.pageSize, pgno, frame.offset).length, 4096);
        assert.throws(() => decodeFrame(part, 4096, pgno + 1), isCorrupt(/is expected/));
        assert.throws(() => decodeFrame(part.subarray(1), 4096, pgno), isCorrupt(/./));
        assert.throws(() => decodeFrame(part.subarray(0, -1), 4096, pgno), isCorrupt(/./));
        assert.throws(() => decodeFrame(part, 8192, pgno), isCorrupt(/8192/));
      }
    }
  });
}

test.run();
