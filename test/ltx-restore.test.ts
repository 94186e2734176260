import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileDevice } from "../adapters/file/index.ts";
import { applyLtx, CHECKSUM_FLAG, databaseChecksum } from "../adapters/ltx/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { type ExpectedState, expectedStates, type FixtureFile, fixtureFiles } from "./ltx-files.ts";
import {
  checkedHeader,
  compactFiles,
  encodeFile,
  inPieces,
  pageOf,
  plainHeader,
} from "./ltx-writing.ts";
import { findProgram } from "./programs.ts";
import { failure } from "./rejection.ts";

const test = suite("LTX restore");

const PAGE_SIZE = 4096;
/** Not by `assert.equal`, which would compare the lines of two long texts. */
function isSame(found: Uint8Array, expected: Uint8Array | undefined, what: string): void {
  assert.ok(expected !== undefined && Buffer.compare(found, expected) === 0, what);
}

const folder = mkdtempSync(join(tmpdir(), "headwater-ltx-"));
test.after(() => rmSync(folder, { recursive: true }));

const sqlite = findProgram("sqlite3");

/** Opens a copy of the database with SQLite: it holds what it held when it was replicated. */
function checkRows(bytes: Uint8Array, state: ExpectedState): void {
  if (sqlite === undefined) return;
  const path = join(folder, `${state.txid}.db`);
  // After the VACUUM page 1 still tells of pages that its own file cuts off.
  const padded = new Uint8Array(Math.max(bytes.length, pagesSaid(bytes) * PAGE_SIZE));
  padded.set(bytes);
  writeFileSync(path, padded);
  const query = "select json_array(id, k, v) from t order by id";
  const rows = execFileSync(sqlite, ["-batch", "-noheader", path, query], { encoding: "utf8" });
  assert.is(rows.trimEnd().split("\n").length, state.rows, `rows of ${state.txid}`);
  assert.is(createHash("sha256").update(rows).digest("hex"), state.sha, `rows of ${state.txid}`);
}

/** The database after each file, by the last transaction of the file. */
async function statesOf(files: readonly FixtureFile[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const database = new MemoryDevice(0);
  const states = new Map<string, Uint8Array>();
  for (const { name, bytes } of files) {
    const { commit } = await applyLtx(inPieces(bytes, 10_000), database);
    assert.is(database.size, commit * PAGE_SIZE);
    states.set(name.slice(17, 33), database.bytes.slice());
  }
  return states;
}

/** What stands in the database itself: SQLite's own count of its pages. */
function pagesSaid(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(28);
}

/** The VACUUM that makes the database shorter, and the transaction after it. */
const SHORTENED = ["0000000000000006", "0000000000000007"];

for (const replica of ["small", "small-frame"]) {
  test(`${replica} has the right size and rows after each of its transactions`, async () => {
    const states = await statesOf(fixtureFiles(replica));
    for (const state of expectedStates()) {
      const bytes = states.get(state.txid) ?? new Uint8Array();
      const pageCount = SHORTENED.includes(state.txid) ? 24 : state.page_count;
      assert.is(bytes.length, pageCount * PAGE_SIZE, `size after ${state.txid}`);
      checkRows(bytes, state);
    }
  });
}

test("both encodings, and compacted files of a real Litestream, hold the same", async () => {
  const small = await statesOf(fixtureFiles("small"));
  const last = small.get("0000000000000008");
  const compacted = /\/0\/.*[56]\.ltx$/;
  const byLevel = fixtureFiles("small-levels").filter(({ path }) => !compacted.test(path));
  for (const files of [fixtureFiles("small-frame"), byLevel, fixtureFiles("small-gap")]) {
    const found = (await statesOf(files)).get("0000000000000008");
    isSame(found ?? new Uint8Array(), last, files[0]?.path ?? "");
  }
});

test("compacting a real replica, in any parts, changes nothing of what it restores", async () => {
  const files = fixtureFiles("small");
  const states = await statesOf(files);
  for (let first = 1; first <= files.length; first++) {
    const early = await compactFiles(files.slice(0, first).map(({ bytes }) => bytes));
    const database = new MemoryDevice(0);
    await applyLtx(inPieces(early), database);
    isSame(database.bytes, states.get(`000000000000000${first}`), `up to ${first}`);
    if (first === files.length) continue;
    const late = await compactFiles(files.slice(first).map(({ bytes }) => bytes));
    await applyLtx(inPieces(late), database);
    isSame(database.bytes, states.get("0000000000000008"), `from ${first} on`);
  }
});

test("a file is restored into a file", async () => {
  const path = join(folder, "restored.db");
  const database = await FileDevice.create(path, 0);
  const files = fixtureFiles("small");
  for (const { bytes } of files) await applyLtx(inPieces(bytes), database);
  const expected = (await statesOf(files)).get("0000000000000008");
  isSame(readFileSync(path), expected, path);
  await database.close();
});

test("a snapshot replaces a longer database, and its lock page", async () => {
  const pageSize = 512;
  const bytes = await encodeFile({
    header: plainHeader({ pageSize, commit: 2 }),
    pages: { 1: 1, 2: 2 },
  });
  const database = new MemoryDevice(new Uint8Array(5000).fill(9));
  await applyLtx(inPieces(bytes), database);
  assert.equal(database.bytes, new Uint8Array([...pageOf(512, 1), ...pageOf(512, 2)]));
});

test("checksums of the database are compared before and after", async () => {
  const header = checkedHeader({ commit: 3, minTxid: 2n, preApplyChecksum: 0x8a249272ad9f7dean });
  const spec = { header, pages: { 1: 0x91, 3: 0x93 }, postApplyChecksum: 0x8a249272ad9f7dean };
  const bytes = await encodeFile(spec);
  const right = (): MemoryDevice =>
    new MemoryDevice(new Uint8Array([1, 2, 3].flatMap((n) => [...pageOf(1024, 0x80 + n)])));
  const database = right();
  assert.is(await databaseChecksum(database, 1024), 0x8a249272ad9f7dean);
  await applyLtx(inPieces(bytes), database);
  const other = new MemoryDevice(3 * 1024);
  assert.match((await failure(applyLtx(inPieces(bytes), other))).message, /^before/);
  assert.equal(other.bytes, new Uint8Array(3 * 1024), "nothing was written");
  await applyLtx(inPieces(bytes), other, { checkDatabase: false });

  const wrong = { ...spec, postApplyChecksum: CHECKSUM_FLAG | 1n };
  const late = await failure(applyLtx(inPieces(await encodeFile(wrong)), right()));
  assert.is(late.code, "CORRUPT");
  assert.match(late.message, /^after/);
});

test.run();
