import init from "@sqlite.org/sqlite-wasm";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Entry, entriesOf, Script } from "../adapters/cli/sql/script.ts";
import { propertyRuns } from "./property-runs.ts";

const { capi } = await init();

const test = suite("a script of SQL");

/** The statements of a text, and its commands with their words in brackets. */
function taken(text: string): string[] {
  return [...entriesOf(text)].map((entry) =>
    entry.kind === "statement" ? entry.sql : `${entry.name} [${entry.words.join("|")}]`,
  );
}

test("statements end with a semicolon, and the last one with the text", () => {
  assert.equal(taken("select 1; select\n2;;\n ; -- nothing\nselect 3"), [
    "select 1;",
    "select\n2;",
    "select 3",
  ]);
  assert.equal(taken(" \n-- nothing\n/* at all */\n"), []);
});

test("a semicolon in a text, a name or a comment ends nothing", () => {
  for (const sql of [
    "select ';' || 'it''s;';",
    'select ";" from [a;b], `c;d`;',
    "select 1 /* ; */ + 2;",
    "select 1 -- ;\n + 2;",
  ]) {
    assert.equal(taken(sql), [sql]);
  }
});

test("a trigger ends after its end", () => {
  const trigger = `create temp trigger t after insert on a begin
    select case when 1 then 2 end; delete from b; end;`;
  assert.equal(taken(`${trigger} select 1;`), [trigger, "select 1;"]);
  assert.equal(taken(`explain ${trigger} select 1;`), [`explain ${trigger}`, "select 1;"]);
});

test("a line that begins with a dot is a command, where no statement was begun", () => {
  assert.equal(taken(".tables\nselect\n.5;\n.schema 'my table'\n  .HYDRATE t;"), [
    "tables []",
    "select\n.5;",
    "schema [my table]",
    "hydrate [t]",
  ]);
});

test("a line at a time gives what is complete with it", () => {
  const script = new Script();
  const push = (line: string): Entry[] => [...script.push(line)];
  assert.equal([push("select 'a"), script.isPending], [[], true]);
  assert.equal(push("b'; select"), [{ kind: "statement", sql: "select 'a\nb';" }]);
  assert.ok(script.isPending);
  script.reset();
  assert.not(script.isPending);
  assert.equal([push("/* and"), script.isPending], [[], true]);
  assert.equal([push("so */"), script.isPending], [[], false]);
  assert.equal([...script.finish()], []);
});

const isComplete = (sql: string): boolean => capi.sqlite3_complete(sql) !== 0;

const PIECES = [
  ...[";", ";", "\n", " ", "'", '"', "`", "[", "]", "/*", "*/", "--", "-", "/", "a", "ä", "1"],
  ...["create", "temp", "trigger", "end", "explain", "begin", "select", ".", "'x'", "\u00a0"],
];

test("a text is complete exactly where SQLite says so", () => {
  const texts = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((all) => all.join(""));
  fc.assert(
    fc.property(texts, (rest) => {
      const text = `select 1;${rest}`;
      fc.pre(!/^\s*\./m.test(text)); // no commands
      const script = new Script();
      const found = text.split("\n").flatMap((line) => [...script.push(line)]);
      assert.is(!script.isPending, isComplete(`${text}\n`));
      assert.ok(found.every((entry) => entry.kind === "statement" && isComplete(entry.sql)));
    }),
    propertyRuns(2000),
  );
});

test.run();
