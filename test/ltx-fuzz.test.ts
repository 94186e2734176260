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
import { Changes } from "./ltx-changes.ts";
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
const changes = new Changes(below);

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
  const contents = all.map(({ bytes }) => bytes);
  const counts = { decoded: 0, compacted: 0, indexed: 0 };
  for (let round = 0; round < Number(FUZZ_FILES); round++) {
    const file = changes.pick(all);
    const bytes = changes.changed(file.bytes, contents);
    const what = `FUZZ_SEED=${FUZZ_SEED}, file ${round}`;
    const pieceSize = 1 + below(changes.pick([20, 5000, 100_000]));
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
      const files = before.length === 0 ? [bytes] : [changes.pick(before).bytes, bytes];
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
