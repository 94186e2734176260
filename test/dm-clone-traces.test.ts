import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DIFFERENCES } from "./dm-clone/differences.ts";
import { Findings } from "./dm-clone/findings.ts";
import { replay } from "./dm-clone/replay.ts";
import { readTraces } from "./dm-clone/trace.ts";

const test = suite("traces of dm-clone");

const findings = new Findings(DIFFERENCES.flatMap(({ rules }) => rules));

for (const [scenario, lines] of readTraces()) {
  test(`${scenario}: as in the kernel, but for what is known`, async () => {
    await replay(lines, findings);
    assert.equal(findings.takeSurprises(), {});
  });
}

test("every difference that is known occurs", () => {
  assert.equal(findings.idle, []);
});

test("the documentation names every difference, and no other", () => {
  const page = readFileSync(new URL("../../docs/dm-clone.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| difference |"));
  const named = [...table.matchAll(/^\| ([A-Z][^|]*?) \|/gm)].map(([, name]) => name);
  assert.equal(named.sort(), DIFFERENCES.map(({ name }) => name).sort());
});

test.run();
