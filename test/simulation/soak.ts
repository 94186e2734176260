// `npm run soak`: many worlds, on every core. SIMULATION_SEEDS (default 100 000) from
// SIMULATION_FIRST (default 1), JOBS at once (default 2).
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { checkCount } from "../../lib/assert.ts";
import { runWorlds } from "./worker.ts";

const { SIMULATION_SEEDS = "100000", SIMULATION_FIRST = "1", JOBS = "2" } = process.env;
const count = checkCount("SIMULATION_SEEDS", Number(SIMULATION_SEEDS));
const first = checkCount("SIMULATION_FIRST", Number(SIMULATION_FIRST), 0);
const jobs = checkCount("JOBS", Number(JOBS));
const directory = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const start = performance.now();
const done = new Array<number>(jobs).fill(0);
let shown = 0;

function show(): void {
  const total = done.reduce((sum, worlds) => sum + worlds, 0);
  if (total - shown < 1000 && total < count) return;
  shown = total;
  const seconds = (performance.now() - start) / 1000;
  console.log(`${total} of ${count} worlds, ${(total / seconds).toFixed(0)} a second`);
}

const ends = await Promise.all(
  done.map((_, job) =>
    runWorlds({
      directory,
      first: first + job,
      step: jobs,
      count: Math.ceil((count - job) / jobs),
      told: (report) => {
        done[job] = report.done;
        show();
      },
    }),
  ),
);
for (const { seed, problem } of ends) {
  if (problem === undefined) continue;
  console.log(`seed ${seed}: ${problem}`);
  console.log(`replay: SIMULATION_SEED=${seed} npm test -- simulation`);
  process.exitCode = 1;
}
