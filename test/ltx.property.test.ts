import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyLtx, databaseChecksum, verifyLtx } from "../adapters/ltx/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  filesOf,
  type History,
  histories,
  Model,
  pageBytes,
  withChecksums,
} from "./ltx-transactions.ts";
import { compactFiles, encodeFile, type FileSpec, inPieces } from "./ltx-writing.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("LTX property");

function isSame(found: Uint8Array, expected: Uint8Array, what: string): void {
  assert.is(found.length, expected.length, `${what}: length`);
  assert.ok(Buffer.compare(found, expected) === 0, `${what}: bytes`);
}

/** What the model holds before the first file: nothing, or a database of some pages. */
function begin(history: History, basePages: number): Model {
  const model = new Model();
  if (history.isWhole) return model;
  model.commit = basePages;
  for (let pgno = 1; pgno <= basePages; pgno++) {
    model.pages.set(pgno, pageBytes(history.pageSize, 1000 + pgno));
  }
  return model;
}

interface Run {
  readonly specs: readonly FileSpec[];
  /** The database before the first file, and after each. */
  readonly states: readonly Uint8Array[];
}

async function run(history: History, basePages: number, isChecked: boolean): Promise<Run> {
  const { pageSize } = history;
  const model = begin(history, basePages);
  const plain = filesOf(history);
  const states = [model.bytes(pageSize)];
  for (const spec of plain) {
    model.apply(spec);
    states.push(model.bytes(pageSize));
  }
  if (!isChecked) return { specs: plain, states };
  const sums: bigint[] = [];
  for (const state of states) sums.push(await databaseChecksum(new MemoryDevice(state), pageSize));
  return { specs: withChecksums(plain, sums), states };
}

/** Compacts the files in the order that `cuts` say, until one is left. */
async function compactTree(
  files: readonly Uint8Array[],
  cuts: readonly number[],
): Promise<Uint8Array> {
  const rest = [...files];
  for (const cut of cuts) {
    const start = cut % rest.length;
    const parts = rest.slice(start, start + 1 + ((cut >> 8) % 4));
    rest.splice(start, parts.length, await compactFiles(parts));
  }
  return await compactFiles(rest);
}

const args = [
  histories,
  fc.nat(14),
  fc.boolean(),
  fc.array(fc.nat(65_535), { maxLength: 5 }),
  fc.integer({ min: 1, max: 70_000 }),
] as const;

test("whatever a history does, its files and any compaction of them give the model's bytes", async () => {
  await fc.assert(
    fc.asyncProperty(...args, async (history, basePages, isChecked, cuts, pieceSize) => {
      const { specs, states } = await run(history, basePages, isChecked);
      const [before = new Uint8Array()] = states;
      const after = states.at(-1) ?? before;
      const files: Uint8Array[] = [];
      const database = new MemoryDevice(before.slice());
      for (const [index, spec] of specs.entries()) {
        const file = await encodeFile(spec);
        files.push(file);
        await applyLtx(inPieces(file, pieceSize), database);
        isSame(database.bytes, states[index + 1] ?? before, `file ${index}`);
      }
      const compacted = await compactTree(files, cuts);
      await verifyLtx(inPieces(compacted, pieceSize));
      const other = new MemoryDevice(before.slice());
      const { maxTxid, commit } = await applyLtx(inPieces(compacted, pieceSize), other);
      isSame(other.bytes, after, "compacted");
      assert.is(maxTxid, specs.at(-1)?.header.maxTxid);
      assert.is(commit, specs.at(-1)?.header.commit);
      isSame(await compactFiles(files), compacted, "compacted at once");
    }),
    propertyRuns(150),
  );
});

test.run();
