import type { Random } from "../../simulation/random.ts";
import type { SqlStep } from "../step.ts";
import { randomRead } from "./reads.ts";
import { randomUpkeep, randomWrite } from "./writes.ts";

/** Counts the transactions that were committed, so that it can be asked whether one was. */
export const TICK = "update ticks set n = n + 1";
export const COMMIT = "commit";
/** From then on a process that dies while it commits leaves a damaged file. */
export const FORGETFUL = "pragma journal_mode = memory";

/**
 * Statements without end: reads, and where it is writable also changes, in transactions of some
 * steps, which are committed or not.
 */
export function* workload(random: Random, writable: boolean): Generator<SqlStep, never, undefined> {
  while (true) {
    if (!writable || random.chance(0.75)) yield randomRead(random);
    else if (random.chance(0.1)) yield randomUpkeep(random);
    else yield* transaction(random);
  }
}

function* transaction(random: Random): Generator<SqlStep, void, undefined> {
  yield run(random.pick(["begin", "begin immediate", "begin exclusive"]));
  for (let count = random.between(1, 8); count > 0; count -= 1) {
    if (random.chance(0.2)) yield* savepoint(random);
    else yield random.chance(0.25) ? randomRead(random) : randomWrite(random);
  }
  if (random.chance(0.15)) {
    yield run("rollback");
    return;
  }
  yield run(TICK);
  yield run(COMMIT);
}

function* savepoint(random: Random): Generator<SqlStep, void, undefined> {
  yield run("savepoint s");
  for (let count = random.between(1, 4); count > 0; count -= 1) yield randomWrite(random);
  if (random.chance(0.5)) yield run("rollback to s");
  yield run("release s");
}

function run(sql: string): SqlStep {
  return { sql, how: "exec" };
}
