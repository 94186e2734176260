import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveFile } from "../examples/serve-file.ts";
import { runCommand } from "./cli-command.ts";
import { answer, ROWS, type ServedDatabase, serveDatabase, sql } from "./cli-sql-database.ts";
import { findProj } from "./sqlite-databases.ts";

const test = suite("headwater sql");

/** A test with a database on a server of its own. */
function testServed(name: string, work: (at: ServedDatabase) => Promise<void>): void {
  test(name, async () => {
    await using at = await serveDatabase();
    if (at !== undefined) await work(at);
  });
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
  assert.is(await answer(at, [""]), "");
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
