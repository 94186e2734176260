import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planAdvance } from "../adapters/ltx/advance-plan.ts";
import type { ReplicaFile } from "../adapters/ltx/list-files.ts";
import { planRestore, reachableTxids } from "../adapters/ltx/restore-plan.ts";
import { HeadwaterError } from "../lib/index.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("restore plans");

type Files = readonly (readonly [level: number, min: number, max: number, size?: number])[];

function filesOf(files: Files): ReplicaFile[] {
  return files.map(([level, min, max, size = 1000]) => ({
    ...{ level, minTxid: BigInt(min), maxTxid: BigInt(max), size },
    ...{ key: `ltx/${level}/${min}-${max}`, modifiedMs: undefined },
  }));
}

/** The plan for a transaction, or the newest, in the short form. */
function plan(files: Files, target?: number): number[][] {
  const goal = target === undefined ? undefined : BigInt(target);
  return planRestore(filesOf(files), goal).map(({ level, minTxid, maxTxid }) => [
    level,
    Number(minTxid),
    Number(maxTxid),
  ]);
}

function refusal(files: Files, target?: number): HeadwaterError {
  try {
    plan(files, target);
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("it was planned");
}

test("a snapshot alone", () => {
  assert.equal(plan([[9, 1, 10]], 10), [[9, 1, 10]]);
});

test("the newest snapshot before the target, then what goes on from it", () => {
  const files: Files = [
    [9, 1, 5],
    [9, 1, 15],
    [1, 6, 7],
    [1, 8, 9],
    [1, 10, 12],
    [0, 7, 7],
    [0, 8, 8],
    [0, 9, 9],
    [0, 10, 10],
    [0, 11, 11],
  ];
  assert.equal(plan(files, 10), [
    [9, 1, 5],
    [1, 6, 7],
    [1, 8, 9],
    [0, 10, 10],
  ]);
});

test("the file that reaches furthest, whatever its level", () => {
  const files: Files = [
    [9, 1, 5],
    [2, 6, 12],
    [0, 6, 20],
  ];
  assert.equal(plan(files, 20), [
    [9, 1, 5],
    [0, 6, 20],
  ]);
});

test("a gap in one level is filled from another", () => {
  const files: Files = [
    [9, 1, 5],
    [1, 6, 7],
    [1, 9, 10],
    [0, 8, 8],
    [0, 9, 9],
    [0, 10, 10],
  ];
  assert.equal(plan(files, 10), [
    [9, 1, 5],
    [1, 6, 7],
    [0, 8, 8],
    [1, 9, 10],
  ]);
});

test("of the same range on several levels one is taken", () => {
  const files: Files = [
    [9, 1, 1],
    [1, 1, 1],
    [0, 1, 1],
  ];
  assert.equal(plan(files, 1), [[9, 1, 1]]);
});

test("a larger file of a level stands for a smaller one inside it", () => {
  const files: Files = [
    [9, 1, 5],
    [2, 6, 100],
    [2, 50, 60],
  ];
  assert.equal(plan(files, 100), [
    [9, 1, 5],
    [2, 6, 100],
  ]);
});

test("a snapshot that a larger one replaces is left out", () => {
  const files: Files = [
    [9, 1, 5],
    [2, 1, 100],
    [2, 50, 60],
  ];
  assert.equal(plan(files, 100), [[2, 1, 100]]);
});

test("a transaction inside a compacted file is not available, and the nearest are named", () => {
  const error = refusal(
    [
      [9, 1, 10],
      [0, 11, 11],
    ],
    5,
  );
  assert.is(error.code, "SOURCE_NOT_FOUND");
  assert.match(error.message, "TXID 5 is not available");
  assert.match(error.message, "compacted");
  assert.match(error.message, "nearest that is: 10");
  assert.match(
    refusal(
      [
        [9, 1, 10],
        [1, 11, 20],
      ],
      15,
    ).message,
    "10, 20",
  );
});

test("no files is nothing there", () => {
  assert.match(refusal([], 5).message, "no LTX files");
  assert.match(refusal([]).message, "no LTX files");
});

test("a target beyond the newest says how far the replica reaches", () => {
  assert.match(refusal([[9, 1, 10]], 11).message, "does not reach so far; the nearest that is: 10");
});

test("a gap is named, from its first transaction to its last", () => {
  const files: Files = [
    [9, 1, 5],
    [0, 9, 9],
    [0, 10, 10],
  ];
  const error = refusal(files);
  assert.match(error.message, "files of TXIDs 6 to 8 are missing");
  assert.match(error.message, "up to TXID 5");
  assert.match(refusal(files, 10).message, "files of TXIDs 6 to 8 are missing");
  assert.equal(plan(files, 5), [[9, 1, 5]]); // what there was before it can be had
});

test("a replica without its beginning says so", () => {
  const error = refusal([[0, 4, 4]]);
  assert.match(error.message, "no snapshot");
  assert.match(error.message, "TXIDs 1 to 3 are missing");
});

test("an advance takes the cheapest files that reach, and no snapshot", () => {
  const files = filesOf([
    [9, 1, 20, 9000],
    [3, 2, 20, 5000],
    [1, 9, 15, 300],
    [1, 16, 20, 300],
    [0, 12, 12, 100],
    [0, 13, 13, 100],
  ]);
  const { files: small, spansWithSnapshot } = planAdvance(files, 11n, 20n);
  assert.equal(
    small.map(({ minTxid, maxTxid }) => [minTxid, maxTxid]),
    [
      [9n, 15n],
      [16n, 20n],
    ],
  );
  assert.is(spansWithSnapshot, false);
});

test("an advance over files that are gone takes the snapshot, and says so", () => {
  const files = filesOf([
    [9, 1, 20],
    [0, 15, 15],
    [0, 21, 21],
  ]);
  const advance = planAdvance(files, 11n, 21n);
  assert.equal(
    advance.files.map(({ level }) => level),
    [9, 0],
  );
  assert.is(advance.spansWithSnapshot, true);
});

test("an advance is filled in from a higher level where level 0 has a gap, or nothing", () => {
  const advance = (files: Files, from: bigint, to: bigint): number[][] =>
    planAdvance(filesOf(files), from, to).files.map(({ level, minTxid, maxTxid }) => [
      level,
      Number(minTxid),
      Number(maxTxid),
    ]);
  const gap: Files = [
    [9, 1, 3],
    [1, 2, 5],
    [0, 6, 6],
    [0, 7, 7],
  ];
  assert.equal(advance(gap, 4n, 7n), [
    [1, 2, 5],
    [0, 6, 6],
    [0, 7, 7],
  ]);
  const empty: Files = [
    [9, 1, 3],
    [1, 4, 9],
  ];
  assert.equal(advance(empty, 5n, 9n), [[1, 4, 9]]);
});

const histories = fc.array(
  fc.record({
    level: fc.nat({ max: 9 }),
    min: fc.integer({ min: 1, max: 30 }),
    length: fc.nat({ max: 12 }),
  }),
  { maxLength: 25 },
);

test("a plan is found exactly where there is one, without a gap, in as few files as can be", () => {
  fc.assert(
    fc.property(histories, fc.integer({ min: 1, max: 40 }), (history, target) => {
      const files = filesOf(
        history.map(({ level, min, length }) => [level, min, min + length] as const),
      );
      const fewest = fewestFiles(files, target);
      const isReachable = reachableTxids(files).includes(BigInt(target));
      assert.is(isReachable, fewest !== undefined);
      if (fewest === undefined) return;
      const found = planRestore(files, BigInt(target));
      assert.is(found.length, fewest);
      let position = 0n;
      for (const { minTxid, maxTxid } of found) {
        assert.ok(minTxid <= position + 1n);
        assert.ok(maxTxid > position);
        position = maxTxid;
      }
      assert.is(position, BigInt(target));
    }),
    propertyRuns(500),
  );
});

/** By trying every way. */
function fewestFiles(files: readonly ReplicaFile[], target: number): number | undefined {
  const fewest: (number | undefined)[] = [0];
  for (let position = 1; position <= target; position += 1) {
    for (const { minTxid, maxTxid } of files) {
      if (maxTxid !== BigInt(position)) continue;
      for (let from = Number(minTxid) - 1; from < position; from += 1) {
        const before = fewest[from];
        const best = fewest[position] ?? Number.POSITIVE_INFINITY;
        if (before !== undefined && before + 1 < best) fewest[position] = before + 1;
      }
    }
  }
  return fewest[target];
}

test.run();
