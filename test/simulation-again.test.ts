import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulate } from "./simulation/simulate.ts";

const test = suite("the same world again");

test("a world is the same one every time", async () => {
  const seeds = Array.from({ length: 40 }, (_, index) => 1 + index);
  const hashes = new Map<number, string>();
  for (const seed of seeds) hashes.set(seed, (await simulate(seed)).hash);
  assert.is(new Set(hashes.values()).size, seeds.length);
  for (const seed of seeds.reverse()) {
    assert.is((await simulate(seed, { keepsLines: true })).hash, hashes.get(seed), `${seed}`);
  }
});

test("a crash at any step of a life leaves what was flushed", async () => {
  for (const seed of [6, 7, 8]) {
    let crashAt = 1;
    let outcome = await simulate(seed, { crashAt });
    while (outcome.crashed && outcome.problem === undefined) {
      crashAt += 1;
      outcome = await simulate(seed, { crashAt });
    }
    assert.is(outcome.problem, undefined, `seed ${seed}, with a crash at ${crashAt}`);
  }
});

test.run();
