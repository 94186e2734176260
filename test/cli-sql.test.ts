import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveFile } from "../examples/serve-file.ts";
import { Command, type CommandResult, makeFolder, runCommand } from "./cli-command.ts";
import { ROWS, type ServedDatabase, serveDatabase } from "./cli-sql-database.ts";
import { startOrigin } from "./origin/client.ts";
import { findProgram } from "./programs.ts";
import { findProj } from "./sqlite-databases.ts";

const test = suite("headwater sql");

/** A test with a database on a server of its own. */
function testServed(name: string, work: (at: ServedDatabase) => Promise<void>): void {
  test(name, async () => {
    await using at = await serveDatabase();
    if (at !== undefined) await work(at);
  });
}

interface Asking {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function sql(
  { folder, served }: ServedDatabase,
  args: readonly string[],
  asking: Asking = {},
): Promise<CommandResult> {
  return runCommand(["sql", served.url, ...args], { cwd: folder, ...asking });
}

/** What it wrote, where it ended well. */
async function answer(
  at: ServedDatabase,
  args: readonly string[],
  asking?: Asking,
): Promise<string> {
  const { code, stdout, stderr } = await sql(at, args, asking);
  assert.equal([code, stderr], [0, ""]);
  return stdout.toString();
}

testServed("answers at once, fetches no more than it reads, and keeps nothing", async (at) => {
  const temporary = join(at.folder, "temporary");
  spawnSync("mkdir", [temporary]);
  const query = "select title, seconds from song where id = 2345";
  const text = await answer(at, [query], { env: { TMPDIR: temporary } });
  assert.is(text, "title      seconds\n---------  -------\nsong 2345      305\n");
  const { bytes } = await at.served.counts();
  assert.ok(bytes < readFileSync(at.path).length, `${bytes} bytes`);
  assert.equal(readdirSync(at.folder).sort(), ["songs.db", "temporary"]);
  assert.equal(readdirSync(temporary), []);
});

testServed("with a file it keeps what came, and goes on from there", async (at) => {
  await answer(at, ["copy.db", "select count(*) from song", "--no-hydration"]);
  assert.ok(existsSync(join(at.folder, "copy.db.partial")));
  const before = await at.served.counts();
  const again = await answer(at, ["copy.db", "select count(*) n from song", "--no-hydration"]);
  assert.is(again, `n\n----\n${ROWS}\n`);
  assert.is((await at.served.counts()).bytes, before.bytes, "everything that it reads is here");
  const whole = await answer(at, ["copy.db", ".hydrate\n.status", "--json"]);
  assert.is((JSON.parse(whole) as { percent: number }).percent, 100);
  assert.equal(readFileSync(join(at.folder, "copy.db")), readFileSync(at.path));
});

testServed("takes its SQL from stdin, and stops at the first mistake", async (at) => {
  const input = `.tables
    create temp trigger t after insert on song begin select 1; select 2; end;
    select max(id) as most
    from song;
    select 'without; an end'`;
  const text = await answer(at, ["--json"], { input });
  assert.equal(text.split("\n"), [
    '{"name":"long_song","type":"view"}',
    '{"name":"song","type":"table"}',
    `{"most":${ROWS}}`,
    `{"'without; an end'":"without; an end"}`,
    "",
  ]);
  const failed = await sql(at, [], { input: "select 1;\nselekt 2;\nselect 3;" });
  assert.equal([failed.code, failed.stdout.toString()], [1, "1\n-\n1\n"]);
  assert.is(failed.stderr, 'headwater: near "selekt": syntax error.\n');
  assert.is(await answer(at, [], { input: "" }), "");
});

testServed("changes go into a file, and only where they are asked for", async (at) => {
  const text = await answer(at, [
    "copy.db",
    "--writable",
    "update song set title = 'new' where id = 1; select title from song where id < 3 order by id",
  ]);
  assert.is(text, "title\n------\nnew\nsong 2\n");
  assert.is(
    await answer(at, ["copy.db", "select title from song where id = 1", "--csv"]),
    ["title\r\nnew\r\n"].join(),
  );
  const refused = await sql(at, ["copy.db", "delete from song"]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, "readonly database; with a file and --writable");
});

testServed("what cannot be understood, or done, says what to do", async (at) => {
  const wrong: [args: string[], code: number, message: string][] = [
    [["a.db", "select 1", "more"], 2, '"more" is one argument too many'],
    [["--writable", "delete from song"], 2, "--writable needs a file"],
    [["--json", "--csv", "select 1"], 2, "choose one"],
    [["--at", "noon", "select 1"], 2, '--at is "noon"'],
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
  const main = new URL("../adapters/cli/main.js", import.meta.url).pathname;
  const line = `'${process.execPath}' '${main}' sql '${at.served.url}' \
    "select a.* from song a, song b"; echo "exit $?" >&2`;
  const { stdout, stderr } = spawnSync("sh", ["-c", `{ ${line}; } | '${head}' -n 1`], {
    encoding: "utf8",
  });
  assert.match(stdout, /^id +title/);
  assert.is(stderr, "exit 0\n");
});

test("a database of the world is asked where it is", async () => {
  const proj = findProj();
  if (proj === undefined) return;
  await using served = await serveFile(proj);
  const query = `select name from crs_view where auth_name = 'EPSG' and code = 4326`;
  const { code, stdout } = await runCommand(["sql", served.url, query, "--json"], {
    cwd: tmpdir(),
  });
  assert.equal([code, stdout.toString()], [0, '{"name":"WGS 84"}\n']);
});

test("its help says what it takes", async () => {
  const { code, stdout } = await runCommand(["sql", "--help"], { cwd: tmpdir() });
  assert.is(code, 0);
  for (const option of ["--csv", "--json", "--writable", "--no-hydration", "--at", "--header"]) {
    assert.match(stdout.toString(), option);
  }
});

test.run();
