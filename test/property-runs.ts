import type { Parameters } from "fast-check";

const { PROPERTY_RUNS = "1", PROPERTY_SEED = "20261123", PROPERTY_PATH } = process.env;

/**
 * The same runs every time. `PROPERTY_SEED=1 PROPERTY_RUNS=20 npm test -- written` takes others,
 * and twenty times as many; `PROPERTY_PATH`, as a failure prints it, replays that one.
 *
 * @param runs for every day.
 */
export function propertyRuns(runs: number): Parameters<unknown> {
  return {
    numRuns: runs * Number(PROPERTY_RUNS),
    seed: Number(PROPERTY_SEED),
    // Not a measure of speed: a run that waits for ever is a failure like any other.
    timeout: 20_000,
    includeErrorInReport: true,
    ...(PROPERTY_PATH !== undefined && { path: PROPERTY_PATH, endOnFailure: true }),
  };
}
