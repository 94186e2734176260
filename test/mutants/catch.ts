import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runWorlds } from "../simulation/worker.ts";
import type { Mutant } from "./mutant.ts";

/** What the worlds need beside the library, of `dist`. */
const NEEDED = ["lib", "adapters/memory.js", "adapters/testing", "test/simulation", "test/devices"];

export interface Caught {
  readonly seed: number;
  /** Undefined where nothing noticed. */
  readonly problem: string | undefined;
}

/**
 * Runs worlds with a mutated library until one of them notices.
 *
 * @param dist where everything is, compiled.
 * @param seeds as many as are tried.
 * @throws when a text that is to be replaced is not there exactly once.
 */
export async function catchMutant(dist: string, mutant: Mutant, seeds: number): Promise<Caught> {
  const directory = mkdtempSync(join(tmpdir(), "headwater-mutant-"));
  try {
    for (const path of NEEDED) cpSync(join(dist, path), join(directory, path), { recursive: true });
    symlinkSync(join(dist, "..", "node_modules"), join(directory, "node_modules"));
    writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
    mutate(join(directory, "lib", mutant.file), mutant);
    const work = { directory, timeoutMs: 20_000 };
    if (mutant.from !== undefined) {
      const { seed, problem } = await runWorlds({ ...work, first: mutant.from, count: 1 });
      if (problem !== undefined) return { seed, problem };
    }
    const { seed, problem } = await runWorlds({ ...work, first: 1, count: seeds });
    return { seed, problem };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @throws when a text that is to be replaced is not there exactly once. */
function mutate(path: string, { name, edits }: Mutant): void {
  let code = readFileSync(path, "utf8");
  for (const [before, after] of edits) {
    const count = code.split(before).length - 1;
    if (count !== 1) {
      throw new Error(`"${name}" is out of date: ${count} times in ${path}:\n${before}`);
    }
    code = code.replace(before, () => after);
  }
  writeFileSync(path, code);
}
