import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSqlRequest } from "../adapters/cli/sql/request.ts";
import { makeFolder } from "./cli-command.ts";

const test = suite("what headwater sql is asked for");

const URL = "https://example.org/songs.db?token=SECRET";

test("a web address is a database, but with a slash at its end or an option of replicas", () => {
  const cases: [args: string[], isReplica: boolean][] = [
    [[URL], false],
    [["nbd://host/songs"], false],
    [["https://example.org/backups/songs/"], true],
    [["https://example.org/backups/songs/?token=SECRET"], true],
    [[URL, "--replica"], true],
    [[URL, "--at", "3"], true],
    [[URL, "--at", "2026-01-31T12:00:00Z"], true],
    [[URL, "--layout", "s3"], true],
    [[URL, "--index", "files.json"], true],
  ];
  for (const [args, isReplica] of cases) {
    const request = parseSqlRequest(args);
    assert.is(request.isReplica, isReplica, args.join(" "));
    assert.not.match(request.name, "SECRET");
  }
});

test("a folder of this machine is a replica, and a file is neither", () => {
  const { path, remove } = makeFolder();
  try {
    mkdirSync(join(path, "replica"));
    writeFileSync(join(path, "songs.db"), "");
    assert.ok(parseSqlRequest([join(path, "replica")]).isReplica);
    assert.ok(parseSqlRequest([`file://${path}/replica`, "--at", "3"]).isReplica);
    for (const file of [join(path, "songs.db"), `file://${path}/songs.db`]) {
      assert.throws(() => parseSqlRequest([file]), /which any SQLite opens as it is/);
    }
    assert.throws(() => parseSqlRequest([join(path, "nothing")]), /the folder of a .* replica/);
  } finally {
    remove();
  }
  assert.throws(() => parseSqlRequest(["nbd://host/x", "--at", "3"]), /for Litestream replicas/);
});

test("an argument is SQL where it begins as SQL does, and else a file", () => {
  const statements = [
    ...["select 1", "SELECT(1)", " with a as (select 1) select * from a", "values(1)", "vacuum"],
    ...["pragma user_version", "/* all */ select 1", ".tables", ".schema song", ";", ""],
  ];
  for (const sql of statements) {
    const { file, sql: found } = parseSqlRequest([URL, sql]);
    assert.equal([file, found], [undefined, sql]);
  }
  for (const file of [
    "songs.db",
    "select.db",
    "with-covers.db",
    "./select",
    "end_of_year",
    ".db",
  ]) {
    const { file: found, sql } = parseSqlRequest([URL, file]);
    assert.equal([found, sql], [file, undefined]);
  }
  const { file, sql } = parseSqlRequest([URL, "select", "songs.db"]);
  assert.equal([file, sql], ["select", "songs.db"], "of two, the first is the file");
});

test("without a file nothing is hydrated, and with one everything", () => {
  const hydrates = (...args: string[]): boolean =>
    parseSqlRequest([URL, ...args]).options.noHydration === false;
  assert.equal(
    [hydrates("select 1"), hydrates("a.db"), hydrates("a.db", "--no-hydration")],
    [false, true, false],
  );
  assert.throws(() => parseSqlRequest([URL, "--writable"]), /--writable needs a file/);
});

test.run();
