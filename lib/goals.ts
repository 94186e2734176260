import { expectMany } from "./abortable.ts";
import type { RegionMap, Run } from "./region-map.ts";

interface Goal {
  readonly runs: readonly Run[];
  /** All runs before this one are hydrated. */
  from: number;
  readonly priority: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** What was named to be hydrated before the rest: the highest priority first, then the oldest. */
export class Goals {
  readonly #map: RegionMap;
  #goals: Goal[] = [];

  constructor(map: RegionMap) {
    this.#map = map;
  }

  get size(): number {
    return this.#goals.length;
  }

  /** Resolves when all of the runs are hydrated; rejects with the signal's reason, or on `fail`. */
  add(runs: readonly Run[], priority: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = (): void => {
        this.#goals = this.#goals.filter((other) => other !== goal);
        reject(signal?.reason);
      };
      const leave = (): void => signal?.removeEventListener("abort", abort);
      const goal: Goal = {
        runs,
        from: 0,
        priority,
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      if (signal !== undefined) expectMany(signal);
      signal?.addEventListener("abort", abort, { once: true });
      const place = this.#goals.findIndex((other) => other.priority < priority);
      this.#goals.splice(place < 0 ? this.#goals.length : place, 0, goal);
      this.settle();
    });
  }

  /** The runs still to be hydrated, in the order in which they are wanted. */
  *open(): Generator<Run, void, undefined> {
    for (const goal of this.#goals) {
      for (let next = this.#firstOpen(goal); next < goal.runs.length; next += 1) {
        const run = goal.runs[next] as Run;
        if (!this.#map.areHydrated(run.first, run.end)) yield run;
      }
    }
  }

  /** Ends the goals that are reached. */
  settle(): void {
    if (this.#goals.length === 0) return;
    const reached = this.#goals.filter((goal) => this.#firstOpen(goal) === goal.runs.length);
    if (reached.length === 0) return;
    this.#goals = this.#goals.filter((goal) => !reached.includes(goal));
    for (const goal of reached) goal.resolve();
  }

  /** Ends every goal with this error. */
  fail(error: unknown): void {
    const goals = this.#goals;
    this.#goals = [];
    for (const goal of goals) goal.reject(error);
  }

  /** Hydrated is final: nobody looks twice at what is behind it. */
  #firstOpen(goal: Goal): number {
    const { runs } = goal;
    for (; goal.from < runs.length; goal.from += 1) {
      const { first, end } = runs[goal.from] as Run;
      if (!this.#map.areHydrated(first, end)) break;
    }
    return goal.from;
  }
}
