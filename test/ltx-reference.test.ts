import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkInputs } from "../adapters/ltx/compaction-inputs.ts";
import {
  applyLtx,
  CHECKSUM_FLAG,
  compactLtx,
  decodeFrame,
  encodeHeader,
  FileStore,
  type LtxHeader,
  litestream,
  NO_CHECKSUM,
  pageChecksum,
  verifyLtx,
} from "../adapters/ltx/index.ts";
import { PageIndexWriter } from "../adapters/ltx/page-index.ts";
import { xxh32 } from "../adapters/ltx/xxh32.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { History, keyOf, makePages } from "./ltx-history.ts";
import { checkedHeader, encodeFile, inPieces, pageOf, plainHeader, Sink } from "./ltx-writing.ts";
import { failure } from "./rejection.ts";

/** What the reference implementation and Litestream test of themselves, and no other test has. */
const test = suite("LTX, as the reference implementation has it");

const FLAG = CHECKSUM_FLAG;

/** A page of one byte, compressed to as many bytes as the reference implementation's encoder. */
function frameOf(pgno: number, byte: number): Uint8Array {
  const literals = 16;
  const match = 1024 - 1 - literals - 19; // beyond what its token says
  const block = Uint8Array.of(
    ...[0x1f, byte, 1, 0, 255, 255, 255, match % 255],
    ...[0xf0, literals - 15, ...new Uint8Array(literals).fill(byte)],
  );
  const frame = new Uint8Array(51);
  const view = new DataView(frame.buffer);
  view.setUint32(0, pgno);
  frame.set([0x04, 0x22, 0x4d, 0x18, 0x64, 0x40], 6);
  frame[12] = xxh32(frame.subarray(10, 12)) >>> 8;
  view.setUint32(13, block.length, true);
  frame.set(block, 17);
  view.setUint32(47, xxh32(new Uint8Array(1024).fill(byte)), true);
  return frame;
}

/** A file with frames of the older encoding. */
function olderFile(
  header: LtxHeader,
  pages: Readonly<Record<number, number>>,
  postApplyChecksum: bigint,
  fileChecksum: bigint,
): Uint8Array {
  const index = new PageIndexWriter();
  const parts = [encodeHeader(header)];
  let offset = 100;
  for (const [pgno, byte] of Object.entries(pages)) {
    const frame = frameOf(Number(pgno), byte);
    index.add(Number(pgno), offset, frame.length);
    parts.push(frame);
    offset += frame.length;
  }
  const trailer = new Uint8Array(16);
  new DataView(trailer.buffer).setBigUint64(0, postApplyChecksum);
  new DataView(trailer.buffer).setBigUint64(8, fileChecksum);
  return Buffer.concat([...parts, new Uint8Array(6), index.finish(), trailer]);
}

test("files have the checksums that it gives them", async () => {
  const files = [
    olderFile(
      checkedHeader({ commit: 3, maxTxid: 2n, timestamp: 2000 }),
      { 1: 0x91, 2: 0x82, 3: 0x93 },
      0x8a249272ad9f7dean,
      0xe836ad7ac0be7594n,
    ),
    olderFile(
      checkedHeader({ commit: 5, minTxid: 2n, maxTxid: 9n, timestamp: 3000 }),
      { 1: 0x91, 2: 0xa2, 3: 0xa3, 5: 0xa5 },
      FLAG | 9n,
      0xc08218012f50038en,
    ),
    olderFile(
      checkedHeader({ commit: 2, minTxid: 2n, maxTxid: 5n, timestamp: 2000 }),
      { 1: 0x91 },
      FLAG | 5n,
      0x83c62dde98efed0fn,
    ),
  ];
  for (const file of files) await verifyLtx(inPieces(file, 7));
});

test("a page header has a number, and no flag but that of a size", () => {
  const frame = frameOf(1000, 7);
  assert.equal(decodeFrame(frame, 1024, 1000), pageOf(1024, 7));
  const bad = [
    { at: 4, byte: 1, words: /invalid page flags 0x100/ },
    { at: 5, byte: 2, words: /invalid page flags 0x2/ },
  ];
  for (const { at, byte, words } of bad) {
    const changed = frame.slice();
    changed[at] = byte;
    assert.throws(() => decodeFrame(changed, 1024, 1000), words);
  }
  const unnumbered = frame.slice();
  unnumbered.fill(0, 0, 4);
  assert.throws(() => decodeFrame(unnumbered, 1024, 0), /a page without a number/);
  for (let length = 0; length < 12; length += 1) {
    const isCorrupt = (error: unknown): boolean => isHeadwaterError(error, "CORRUPT");
    assert.throws(() => decodeFrame(frame.subarray(0, length), 1024, 1000), isCorrupt);
  }
});

test("a compaction tells the header and the trailer of what it wrote", async () => {
  const header = checkedHeader({ pageSize: 512 });
  const spec = { header, pages: { 1: 0x31 }, postApplyChecksum: 0xeb1a999231044dddn };
  const file = await encodeFile(spec);
  const told = await compactLtx([inPieces(file)], new Sink().write);
  assert.equal(told.header, header);
  assert.equal(told.trailer, (await verifyLtx(inPieces(file))).trailer);
});

const FOLLOWING: readonly (readonly [[number, number], [number, number], boolean])[] = [
  [[1, 5], [6, 7], true],
  [[1, 5], [6, 6], true],
  [[1, 5], [4, 8], true], // it begins inside
  [[1, 5], [1, 6], true],
  [[1, 5], [7, 8], false], // 6 is missing
  [[1, 5], [5, 5], false], // it goes no further
  [[1, 5], [2, 4], false],
  [[1, 5], [1, 5], false],
  [[6, 7], [1, 5], false],
];

test("files follow one another, or begin inside the one before and go on further", () => {
  const of = ([min, max]: readonly [number, number]): LtxHeader =>
    plainHeader({ minTxid: BigInt(min), maxTxid: BigInt(max) });
  for (const [before, after, follows] of FOLLOWING) {
    const check = (): void => checkInputs([of(before), of(after)], false);
    if (follows) check();
    else assert.throws(check, /do not follow one another/);
  }
});

/** Applies a file to a database of pages, each filled with a byte. */
async function applied(file: Uint8Array, ...pages: readonly number[]): Promise<number[]> {
  const database = new MemoryDevice(Uint8Array.from(pages.flatMap((b) => [...pageOf(512, b)])));
  await applyLtx(inPieces(file), database);
  const { bytes } = database;
  return Array.from({ length: bytes.length / 512 }, (_, page) => bytes[page * 512] as number);
}

test("a file is applied to what is there, and cuts it to its size", async () => {
  const plain = { pageSize: 512, flags: NO_CHECKSUM };
  const snapshot = await encodeFile({ header: plainHeader(plain), pages: { 1: 0x12 } });
  assert.equal(await applied(snapshot), [0x12]);
  assert.equal(await applied(snapshot, 0x78, 0x78), [0x12]);
  const later = { header: plainHeader({ ...plain, minTxid: 2n }), pages: { 1: 0x56 } };
  assert.equal(await applied(await encodeFile(later), 0x34, 0x34), [0x56]);
  const longer = { ...later, header: plainHeader({ ...plain, commit: 3, minTxid: 2n }) };
  assert.equal(await applied(await encodeFile(longer), 0x34, 0x34), [0x56, 0x34, 0]);
});

test("the same with checksums, down to nothing", async () => {
  const header = checkedHeader({ pageSize: 512 });
  const snapshot = await encodeFile({ header, pages: { 1: 0x9a } });
  assert.equal(await applied(snapshot, 0x78, 0x78), [0x9a]);
  const preApplyChecksum = pageChecksum(1, pageOf(512, 0xbc));
  const deletion = checkedHeader({ pageSize: 512, commit: 0, minTxid: 2n, preApplyChecksum });
  const file = await encodeFile({ header: deletion, pages: {}, postApplyChecksum: FLAG });
  assert.equal(await applied(file, 0xbc), []);
  assert.match((await failure(applied(file, 0xbd))).message, /^before the LTX file/);
});

test("a file whose checksum is wrong is not applied without an error", async () => {
  const header = plainHeader({ pageSize: 512 });
  const file = await encodeFile({ header, pages: { 1: 0x12 } });
  file[file.length - 1] = (file[file.length - 1] as number) ^ 1;
  assert.is((await failure(applied(file))).code, "CORRUPT");
});

test("a file that is still being uploaded is named; what was before it can be had", async () => {
  const history = new History(1024);
  await history.commit(20, makePages(1024, 1, 20, 1));
  await history.commit(20, makePages(1024, 5, 15, 2));
  const { store, states } = history;
  const key = keyOf(0, 2, 2);
  const whole = store.objects.get(key) as Uint8Array;
  for (const length of [0, 50, 200, whole.length - 1]) {
    store.objects.set(key, whole.slice(0, length));
    for (const wholeFileSize of [0, 2 ** 18]) {
      const error = await failure(litestream(store, { wholeFileSize }).open());
      assert.is(error.code, "CORRUPT");
      assert.match(error.message, key);
      await using before = await litestream(store, { wholeFileSize, at: 1n }).open();
      assert.equal(await before.read(0, before.size), states[1]);
    }
  }
  store.objects.set(key, whole);
  await using after = await litestream(store).open();
  assert.equal(await after.read(0, after.size), states[2]);
});

test("however many streams of files there are, few of them are open", async () => {
  const descriptors = "/proc/self/fd";
  if (!existsSync(descriptors)) return;
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-reference-"));
  try {
    await using store = new FileStore(folder);
    await store.put("file", new Uint8Array(10));
    const [object] = (await store.list("", "")).objects;
    if (object === undefined) throw new Error("not listed");
    const before = readdirSync(descriptors).length;
    let begun = 0;
    const stream = async (): Promise<void> => {
      for await (const _ of store.stream(object, 0, 10)) {
        begun += 1;
        while (begun < 64) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(readdirSync(descriptors).length <= before + 66);
      }
    };
    await Promise.all(Array.from({ length: 300 }, stream));
    assert.is(begun, 300);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
