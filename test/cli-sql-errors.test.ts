import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Command, type CommandResult, MAIN, makeFolder, runCommand } from "./cli-command.ts";
import { type ServedDatabase, serveDatabase, sql } from "./cli-sql-database.ts";
import { startOrigin } from "./origin/client.ts";
import { findProgram } from "./programs.ts";

const test = suite("headwater sql, where something is wrong");

/** A test with a database on a server of its own. */
function testServed(name: string, work: (at: ServedDatabase) => Promise<void>): void {
  test(name, async () => {
    await using at = await serveDatabase();
    if (at !== undefined) await work(at);
  });
}

testServed("what cannot be understood, or done, says what to do", async (at) => {
  const wrong: [args: string[], code: number, message: string][] = [
    [["a.db", "select 1", "more"], 2, '"more" is one argument too many'],
    [["--json", "--csv", "select 1"], 2, "choose one"],
    [["select * from nowhere"], 1, "no such table: nowhere; .tables lists them"],
    [[".schema nowhere"], 2, 'no table "nowhere"'],
    [[".hydrate nowhere"], 2, 'no table "nowhere"'],
    [["--csv", "select ?"], 1, "Too few parameter values were provided"],
  ];
  for (const [args, code, message] of wrong) {
    const result = await sql(at, args);
    assert.is(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, message);
    assert.match(result.stderr, /^[^\n]+\n$/);
  }
  const unknown = await sql(at, [], { input: ".nothing" });
  assert.equal([unknown.code, unknown.stdout.length], [2, 0]);
  assert.match(unknown.stderr, "there is no command .nothing; .help lists them");
});

test("a source that fails ends it, in one line and with its exit code", async () => {
  await using origin = await startOrigin();
  const { path: cwd, remove } = makeFolder();
  try {
    const run = (...args: string[]): Promise<CommandResult> =>
      runCommand(["sql", ...args], { cwd });
    const url = origin.url("/blob?size=100000&token=SECRET");
    const random = await run(url, "select 1 from sqlite_schema");
    assert.is(random.code, 1);
    assert.match(random.stderr, /\/blob: file is not a database; .* --replica\.\n$/);
    await origin.set("/missing", { status: 404 });
    const missing = await run(origin.url("/missing"), "select 1");
    assert.is(missing.code, 1);
    assert.match(missing.stderr, "SOURCE_NOT_FOUND: ");
    for (const { stderr } of [random, missing]) assert.not.match(stderr, "SECRET");
    const nowhere = await run("not-here", "select 1");
    assert.is(nowhere.code, 2);
    assert.match(nowhere.stderr, "name a URL, or the folder of a Litestream replica");
  } finally {
    remove();
  }
});

testServed("a signal ends it, and leaves nothing behind", async (at) => {
  const endless =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
  const temporary = makeFolder();
  try {
    const args = ["sql", at.served.url, `select 1; ${endless}`];
    const command = new Command(args, { cwd: at.folder, env: { TMPDIR: temporary.path } });
    await command.until(/1\n-\n1\n/);
    command.kill("SIGTERM");
    const { code, stderr } = await command.result;
    assert.equal([code, stderr], [143, ""]);
    assert.equal(readdirSync(temporary.path), []);
  } finally {
    temporary.remove();
  }
});

testServed("that nobody reads any more is no failure", async (at) => {
  const head = findProgram("head");
  if (head === undefined) return;
  const line = `'${process.execPath}' '${MAIN}' sql '${at.served.url}' \
    "select a.* from song a, song b"; echo "exit $?" >&2`;
  const { stdout, stderr } = spawnSync("sh", ["-c", `{ ${line}; } | '${head}' -n 1`], {
    encoding: "utf8",
  });
  assert.match(stdout, /^id +title/);
  assert.is(stderr, "exit 0\n");
});

test.run();
