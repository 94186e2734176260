import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkCount } from "../lib/assert.ts";
import { type Outcome, simulate } from "./simulation/simulate.ts";

const test = suite("simulation");

/**
 * `SIMULATION_SEED=123 npm test -- simulation` replays that world and prints everything that
 * happens in it; `SIMULATION_SEEDS` is how many worlds are run otherwise, from `SIMULATION_FIRST`.
 */
const { SIMULATION_SEED, SIMULATION_SEEDS = "2000", SIMULATION_FIRST = "1" } = process.env;

/** As many events as are printed of a world that is not replayed. */
const LAST_EVENTS = 40;

/** Says how to see it again. */
async function describe({ seed, problem }: Outcome): Promise<string> {
  const { lines } = await simulate(seed, { keepsLines: true });
  return [
    `seed ${seed}: ${problem}`,
    ...lines.slice(-LAST_EVENTS),
    `replay: SIMULATION_SEED=${seed} npm test -- simulation`,
  ].join("\n");
}

if (SIMULATION_SEED !== undefined) {
  test(`the world of seed ${SIMULATION_SEED}`, async () => {
    const outcome = await simulate(Number(SIMULATION_SEED), { keepsLines: true });
    console.log(outcome.lines.join("\n"));
    assert.is(outcome.problem, undefined);
  });
} else {
  const first = checkCount("SIMULATION_FIRST", Number(SIMULATION_FIRST), 0);
  const count = checkCount("SIMULATION_SEEDS", Number(SIMULATION_SEEDS));

  test("a clone is a plain array, in every world", async () => {
    for (let seed = first; seed < first + count; seed += 1) {
      const outcome = await simulate(seed);
      if (outcome.problem !== undefined) assert.unreachable(await describe(outcome));
    }
  });
}

test.run();
