import { World, type WorldOptions } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** Of everything that happened. */
  readonly hash: string;
  readonly events: number;
  /** Whether the first life was cut short. */
  readonly crashed: boolean;
  /** What must never be seen, and was. */
  readonly problem: string | undefined;
  /** What happened, if it was asked for. */
  readonly lines: readonly string[];
}

/** Runs the world of this seed: the same one every time. */
export async function simulate(seed: number, options: WorldOptions = {}): Promise<Outcome> {
  const world = new World(seed, options);
  let problem: string | undefined;
  try {
    await world.run();
  } catch (error) {
    const { name, message, stack } = error as Error;
    problem = name === "Divergence" ? message : (stack ?? message);
  }
  const { hash, count: events, lines } = world.log;
  return { seed, hash, events, crashed: world.crashed, problem, lines };
}
