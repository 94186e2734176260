import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RunOptions, type RunResult, runTests } from "./runner.ts";

const test = suite("runner");

/** What uvu prints at the end of a file. */
const totals = (total: number, passed: number, skipped = 0): string =>
  `console.log("\\n  Total:     ${total}\\n  Passed:    ${passed}\\n  Skipped:   ${skipped}\\n");`;

interface Ran extends RunResult {
  readonly printed: string;
}

async function run(files: Record<string, string>, options?: Partial<RunOptions>): Promise<Ran> {
  const directory = mkdtempSync(join(tmpdir(), "headwater-runner-"));
  try {
    for (const [name, code] of Object.entries(files)) writeFileSync(join(directory, name), code);
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    const result = await runTests({ directory, print, ...options });
    return { ...result, printed: lines.join("\n") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("adds up what the files say", async () => {
  const { passed, failed, skipped } = await run({
    "one.test.js": totals(2, 2),
    "two.test.js": totals(3, 3),
    "other.js": "process.exit(1)",
  });
  assert.equal([passed, failed, skipped], [5, 0, 0]);
});

test("a filter chooses by name", async () => {
  const files = { "one.test.js": totals(2, 2), "two.test.js": totals(3, 3) };
  assert.is((await run(files, { filters: ["two"] })).passed, 3);
});

test("counts the failed tests of a file, and shows its output", async () => {
  const code = `console.log("the reason"); ${totals(3, 1)} process.exitCode = 1;`;
  const { passed, failed, printed } = await run({ "one.test.js": code });
  assert.equal([passed, failed], [1, 2]);
  assert.match(printed, "the reason");
});

test("a file that never ends is killed, with what it started", async () => {
  const code = `
    import { spawn } from "node:child_process";
    spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
    setInterval(() => {}, 1000);
    ${totals(1, 1)}`;
  const { failed, printed } = await run({ "one.test.js": code }, { timeoutMs: 500 });
  assert.is(failed, 1);
  assert.match(printed, "killed after 0.5 s");
});

const failures: Record<string, string> = {
  "without test.run()": "",
  "with no test in it": totals(0, 0),
  "whose hook failed": totals(2, 0),
  "that ends with another exit code than 0": `${totals(1, 1)} process.exitCode = 1;`,
  "that leaves out a test": totals(1, 1, 1),
  "that throws": "throw new Error('early');",
};
for (const [what, code] of Object.entries(failures)) {
  test(`a file ${what} fails`, async () => {
    assert.ok((await run({ "one.test.js": code })).failed > 0);
  });
}

test("what a missing program skips is counted and said", async () => {
  const code = `process.stdout.write("• • skipped: nginx is not installed\\n• "); ${totals(3, 3)}`;
  const { passed, skipped, printed } = await run({ "one.test.js": code });
  assert.equal([passed, skipped], [2, 1]);
  assert.match(printed, "skipped: nginx is not installed");
});

test.run();
