import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkCount } from "../lib/assert.ts";
import { type Cell, runCell, SIZE } from "./fault-matrix/cell.ts";
import { httpKind } from "./fault-matrix/source-kinds.ts";
import { COLUMNS, judge, tables } from "./fault-matrix/table.ts";
import { startFaultProxy } from "./fault-proxy/client.ts";
import { FAULTS, faultNamed } from "./fault-proxy/faults/index.ts";

const test = suite("fault matrix");

/** How often the whole matrix is gone through, each time with other places, lengths and bits. */
const SEEDS = checkCount("FAULT_SEEDS", Number(process.env.FAULT_SEEDS ?? 1));
/** Only the faults whose names contain this. */
const { FAULT = "", FAULTS_PAGE } = process.env;
/** Cells at once: most of them wait. */
const AT_ONCE = 16;

const WARM = { place: "background", isLasting: true } as const;

const faults = Object.values(FAULTS).flat();
const proxy = startFaultProxy();
const kinds = [await httpKind(SIZE, 7)];

test.after(async () => {
  for (const kind of kinds) await kind[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

for (const kind of kinds) {
  test(`${kind.name}: each fault ends in right bytes or the named error, in time`, async () => {
    const cells: Cell[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      for (const fault of faults.filter(({ name }) => name.includes(FAULT))) {
        for (const column of COLUMNS) cells.push({ kind, fault, seed, ...column });
      }
    }
    // Code that is cold is slow, and would not be in time.
    await runCell(proxy, { kind, fault: faultNamed("late-answer"), seed: 1, ...WARM });
    const wrong: string[] = [];
    const rest = cells.values();
    const work = async (): Promise<void> => {
      for (const cell of rest) {
        const found = await runCell(proxy, cell).then(
          (outcomes) => judge(cell.fault, cell, outcomes),
          (error: unknown) =>
            `${cell.fault.name}, ${cell.place}, ${cell.isLasting ? "lasting" : "once"}: ${error}`,
        );
        if (found !== undefined) wrong.push(`seed ${cell.seed}: ${found}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.is(wrong.join("\n"), "");
  });
}

test("there are at least forty faults, each with a name of its own", () => {
  const names = faults.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.ok(names.length >= 40, `${names.length} faults`);
});

test("docs/faults.md is what is tested here; FAULTS_PAGE=write makes it so", () => {
  const path = fileURLToPath(new URL("../../docs/faults.md", import.meta.url));
  const page = readFileSync(path, "utf8");
  const start = page.indexOf("## ");
  const made = page.slice(0, start) + tables();
  if (FAULTS_PAGE === "write") writeFileSync(path, made);
  else assert.is(page, made);
});

test.run();
