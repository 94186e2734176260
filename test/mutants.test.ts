import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Caught, catchMutant } from "./mutants/catch.ts";
import { DURABILITY } from "./mutants/durability.ts";
import { FETCHING } from "./mutants/fetching.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { WRITING } from "./mutants/writing.ts";

const test = suite("mutants");

/** So many worlds are enough for any mistake of the list. */
const { MUTANT_SEEDS = "8000", MUTANT = "" } = process.env;
/** Processes at once. */
const JOBS = 2;

const dist = dirname(dirname(fileURLToPath(import.meta.url)));

const MUTANTS: readonly Mutant[] = [...FETCHING, ...WRITING, ...DURABILITY];
/** Those whose names contain `MUTANT`. */
const mutants = MUTANTS.filter(({ name }) => name.includes(MUTANT));

test("every mistake on purpose is noticed", async () => {
  const uncaught: string[] = [];
  const queue = mutants.values();
  const worker = async (): Promise<void> => {
    for (const mutant of queue) {
      const { seed, problem } = await caught(mutant);
      const line = problem?.split("\n")[0];
      console.log(`${mutant.name}: ${line === undefined ? "NOT NOTICED" : `${seed}, ${line}`}`);
      if (problem === undefined) uncaught.push(mutant.name);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
  assert.equal(uncaught, []);
});

function caught(mutant: Mutant): Promise<Caught> {
  return catchMutant(dist, mutant, Number(MUTANT_SEEDS));
}

test("without a mistake nothing is noticed", async () => {
  const none: Mutant = { name: "none", file: "index.js", edits: [] };
  assert.is((await catchMutant(dist, none, 50)).problem, undefined);
});

test("each mistake has a name of its own", () => {
  assert.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

test.run();
