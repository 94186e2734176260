import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("documentation");

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The programs of a page, in order. */
function programsOf(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** Runs a program in a folder where the package is installed, with these files beside it. */
function run(files: Record<string, string>, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-docs-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "headwater"));
    const all = { ...files, "package.json": `{ "type": "module" }` };
    for (const [file, code] of Object.entries(all)) writeFileSync(join(folder, file), code);
    const child = spawnSync(process.execPath, [name], { cwd: folder, encoding: "utf8" });
    assert.is(child.status, 0, child.stdout + child.stderr);
    return child.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the device that the page on devices writes works, and passes the suite as it says", () => {
  const [device = "", suiteOf = ""] = programsOf("docs/writing-a-device.md");
  const files = { "bytes-source.js": device, "bytes-source.test.js": suiteOf };
  assert.match(run(files, "bytes-source.js"), '"type"');
  assert.match(run(files, "bytes-source.test.js"), /pass [1-9]/);
});

test("the quickstart runs as pasted", () => {
  const [quickstart = ""] = programsOf("README.md");
  assert.match(run({ "quickstart.js": quickstart }, "quickstart.js"), "100 %");
});

test("the database of the README is made, queried and becomes a file, as pasted", () => {
  const [, database = ""] = programsOf("README.md");
  const output = run({ "database.mjs": database }, "database.mjs");
  assert.match(output, "{ title: 'song number 271828' }");
  assert.match(output, /songs\.db is a file for any SQLite/);
});

test.run();
