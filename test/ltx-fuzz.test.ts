import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeFrame,
  type LtxHeader,
  locatePageIndex,
  parseHeader,
  parsePageIndex,
  TAIL_SIZE,
} from "../adapters/ltx/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import { fixtureFile } from "./ltx-files.ts";
import { pageBytes } from "./ltx-transactions.ts";
import {
  checkedHeader,
  compactFiles,
  type DecodedFile,
  decodeFile,
  encodeFile,
  plainHeader,
} from "./ltx-writing.ts";

const test = suite("LTX fuzz");

/** `FUZZ_FILES=100000 TEST_TIMEOUT_MS=3600000 npm test -- ltx-fuzz` takes more of them. */
const { FUZZ_FILES = "3000", FUZZ_SEED = "1" } = process.env;
/** A compaction of so small files never has more pages, unless it believes what it should not. */
const MOST_PAGES = 1000;
const ZERO_PAGES = 500;

const below = randomFrom(Number(FUZZ_SEED));
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

interface Original extends DecodedFile {
  readonly bytes: Uint8Array;
}

async function original(bytes: Uint8Array): Promise<Original> {
  return { bytes, ...(await decodeFile(bytes)) };
}

/** Real files in both encodings, and some of other page sizes, with checksums and without. */
async function originals(): Promise<readonly Original[]> {
  const real = ["small", "small-frame"].flatMap((replica) =>
    [2, 4, 7, 8].map((txid) => fixtureFile(replica, txid).bytes),
  );
  const made = [512, 2048, 16384].flatMap((pageSize) => {
    const pages = {
      1: pageBytes(pageSize, 7),
      2: pageBytes(pageSize, 2),
      3: pageBytes(pageSize, 3),
    };
    const late = checkedHeader({ pageSize, commit: 9, minTxid: 5n });
    return [
      encodeFile({ header: checkedHeader({ pageSize, commit: 3 }), pages }),
      encodeFile({ header: plainHeader({ pageSize, commit: 3 }), pages }),
      encodeFile({ header: late, pages, postApplyChecksum: late.preApplyChecksum }),
      encodeFile({ header: plainHeader({ pageSize, commit: 0, minTxid: 2n }), pages: {} }),
    ];
  });
  return await Promise.all([...real, ...(await Promise.all(made))].map(original));
}

const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One change of the kinds that disks, networks and enemies make, made in place where it can be. */
function change(bytes: Uint8Array, others: readonly Original[]): Uint8Array {
  // The parts that say where others are get half of the changes.
  const ends = [below(100), bytes.length - 1 - below(60)];
  const place = below(2) === 0 ? pick(ends) : below(bytes.length);
  const at = Math.max(0, Math.min(bytes.length - 1, place));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = below(8);
  if (kind <= 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
  else if (kind === 2) bytes[at] = pick(NUMBERS);
  else if (kind === 3 && at + 4 <= bytes.length) view.setUint32(at, pick(NUMBERS));
  else if (kind === 4) return bytes.slice(0, at);
  else if (kind === 5) {
    const part = pick(others).bytes;
    bytes.set(part.subarray(at, at + below(bytes.length - at)).subarray(0, bytes.length - at), at);
  } else if (kind === 6) bytes.copyWithin(at, below(bytes.length), bytes.length);
  else {
    const removed = below(12);
    return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + removed)]);
  }
  return bytes;
}

/** Whether it worked. Only the one error that is meant for it may come. */
async function works(what: string, work: () => unknown): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isHeadwaterError(error, "CORRUPT")) return false;
    throw new Error(`${what}: ${error}`, { cause: error });
  }
}

function isSame(found: DecodedFile, expected: DecodedFile): void {
  assert.equal(found.header, expected.header);
  assert.equal(found.trailer, expected.trailer);
  assert.is(found.pages.length, expected.pages.length);
  for (const [index, { pgno, bytes }] of found.pages.entries()) {
    const page = expected.pages[index];
    assert.ok(page?.pgno === pgno && Buffer.compare(page.bytes, bytes) === 0, `page ${pgno}`);
  }
}

/** Random access: whatever the index says lies within the file, and is a page or an error. */
async function readByIndex(bytes: Uint8Array): Promise<void> {
  const header: LtxHeader = parseHeader(bytes);
  const { offset, length } = locatePageIndex(bytes.subarray(-TAIL_SIZE), bytes.length);
  const index = parsePageIndex(bytes.subarray(offset, offset + length), offset, header);
  for (const pgno of index.pgnos) {
    const frame = index.find(pgno) ?? { offset: -1, size: 0 };
    assert.ok(frame.offset >= 100 && frame.offset + frame.size <= offset, "outside the frames");
    const part = bytes.subarray(frame.offset, frame.offset + frame.size);
    await works(`page ${pgno}`, () => {
      assert.is(decodeFrame(part, header.pageSize, pgno, frame.offset).length, header.pageSize);
    });
  }
}

test("a changed file is found to be one, or its pages are what they were", async () => {
  const all = await originals();
  const counts = { decoded: 0, compacted: 0, indexed: 0 };
  for (let round = 0; round < Number(FUZZ_FILES); round++) {
    const file = pick(all);
    let bytes: Uint8Array = file.bytes.slice();
    for (let changes = 1 + below(3); changes > 0 && bytes.length > 0; changes--) {
      bytes = change(bytes, all);
    }
    const what = `FUZZ_SEED=${FUZZ_SEED}, file ${round}`;
    const pieceSize = 1 + below(pick([20, 5000, 100_000]));
    const isRead = await works(what, async () => isSame(await decodeFile(bytes, pieceSize), file));
    let pages = 0;
    const isCompacted = await works(what, async () => {
      const options = {
        allowGaps: true,
        zeroPages: ZERO_PAGES,
        onPage: () => assert.ok(++pages < MOST_PAGES, "pages without end"),
      };
      const { pageSize, maxTxid } = file.header;
      const before = all.filter(
        ({ header }) => header.pageSize === pageSize && header.maxTxid < maxTxid,
      );
      const files = before.length === 0 ? [bytes] : [pick(before).bytes, bytes];
      await compactFiles(files, options);
    });
    assert.is(isCompacted, isRead, `${what}: compacted and read`);
    if (isRead) counts.decoded += 1;
    if (isCompacted) counts.compacted += 1;
    if (await works(what, () => readByIndex(bytes))) counts.indexed += 1;
  }
  const rest = Number(FUZZ_FILES) - counts.decoded;
  assert.ok(rest > counts.decoded, "most changes change something");
  assert.ok(counts.indexed > 0, "some indexes are whole, though the file is not");
});

test("what a file claims takes no memory", async () => {
  const claims: readonly ((view: DataView, size: number) => void)[] = [
    (view) => view.setUint32(12, 0xffffffff), // pages of the database
    (view) => view.setUint32(106, 0xffffffff), // bytes of the first frame
    (view) => view.setUint32(100, 0xfffffffe), // number of the first page
    (view, size) => view.setBigUint64(size - 24, 2n ** 63n), // bytes of the index
    (view, size) => view.setBigUint64(size - 24, BigInt(size)),
  ];
  for (const claim of claims) {
    const bytes = fixtureFile("small", 8).bytes.slice();
    claim(new DataView(bytes.buffer), bytes.length);
    const before = process.memoryUsage().arrayBuffers;
    assert.not(await works("read", () => decodeFile(bytes)));
    await works("index", () => readByIndex(bytes));
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 8 * 2 ** 20, `${taken} bytes`);
  }
});

test.run();
