import * as assert from "uvu/assert";
import { checkCount } from "../../lib/assert.ts";
import type { FaultProxyClient } from "../fault-proxy/client.ts";
import type { Fault } from "../fault-proxy/fault.ts";
import { faultNamed } from "../fault-proxy/faults/index.ts";
import { type Cell, runCell } from "./cell.ts";
import type { SourceKind } from "./source-kinds.ts";
import { COLUMNS, judge } from "./table.ts";

/** How often the whole matrix is gone through, each time with other places, lengths and bits. */
const SEEDS = checkCount("FAULT_SEEDS", Number(process.env.FAULT_SEEDS ?? 1));
/** Only the faults whose names contain this. */
const { FAULT = "" } = process.env;
/** Cells at once: most of them wait. */
const AT_ONCE = 16;

/** Goes through every cell of these faults. Throws with a line for each that ends otherwise. */
export async function runMatrix(
  proxy: FaultProxyClient,
  kind: SourceKind,
  faults: readonly Fault[],
): Promise<void> {
  const cells: Cell[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    for (const fault of faults.filter(({ name }) => name.includes(FAULT))) {
      for (const column of COLUMNS) cells.push({ kind, fault, seed, ...column });
    }
  }
  // Code that is cold is slow, and would not be in time.
  const warm = { place: "background", isLasting: true, seed: 1 } as const;
  await runCell(proxy, { kind, fault: faultNamed("late-answer"), ...warm });
  const wrong: string[] = [];
  const rest = cells.values();
  const work = async (): Promise<void> => {
    for (const cell of rest) {
      const found = await runCell(proxy, cell).then(
        (outcomes) => judge(cell, outcomes),
        (error: unknown) => String(error),
      );
      if (found === undefined) continue;
      const { place, isLasting, seed, fault } = cell;
      const when = isLasting ? "lasting" : "once";
      wrong.push(`${kind.name}, ${fault.name}, ${place}, ${when}, seed ${seed}: ${found}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  assert.is(wrong.join("\n"), "");
}
