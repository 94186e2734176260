// One of several processes that run worlds: `run.js <first seed> <how many> <every how many>`.
// Says how far it has come every so often, and ends with the first divergence.
import { assert } from "../../lib/index.ts";
import { simulate } from "./simulate.ts";

/** What the parent is told. */
export interface Report {
  readonly seed: number;
  readonly done: number;
  readonly problem: string | undefined;
}

const [first = 1, count = 1, step = 1] = process.argv.slice(2).map(Number);
assert(process.send !== undefined, "this is to be forked");
const tell = (report: Report): unknown => process.send?.(report);

let done = 0;
let seed = first;
let problem: string | undefined;
while (done < count && problem === undefined) {
  if (done > 0) seed += step;
  problem = (await simulate(seed)).problem;
  done += 1;
  if (done % 100 === 0) tell({ seed, done, problem });
  await new Promise(setImmediate); // so that the parent hears of it
}
tell({ seed, done, problem });
process.disconnect?.();
