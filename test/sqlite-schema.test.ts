import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSchema, Schema, type SchemaObject } from "../adapters/sqlite/btree/index.ts";
import { moduleOf, saysWithoutRowid } from "../adapters/sqlite/btree/schema-sql.ts";
import { findProj, findSqlite, make, makeFolder, openFile, query } from "./sqlite-databases.ts";
import { RECIPES } from "./sqlite-recipes.ts";

const test = suite("SQLite schema");

const folder = makeFolder();

interface Row {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly rootpage: number;
  readonly sql: string | null;
}

interface ListedTable {
  readonly name: string;
  readonly type: "table" | "view" | "virtual" | "shadow";
  /** Whether it is WITHOUT ROWID. */
  readonly wr: number;
}

const TYPES: Readonly<Record<SchemaObject["kind"], string>> = {
  table: "table",
  "without-rowid": "table",
  virtual: "table",
  index: "index",
  autoindex: "index",
  view: "view",
  trigger: "trigger",
};

const rowOf = ({ kind, name, table, rootPage, sql }: SchemaObject): Row => ({
  type: TYPES[kind],
  name,
  tbl_name: table,
  rootpage: rootPage,
  sql: sql ?? null,
});

/** Everything that SQLite says of the tables of a database. */
async function compare(program: string, file: string): Promise<Schema> {
  const schema = await readSchema(await openFile(file));
  const rows = query<Row>(program, file, "select * from sqlite_schema");
  assert.equal(schema.objects.map(rowOf), rows);

  const listed = query<ListedTable>(
    program,
    file,
    "select name, type, wr from pragma_table_list where schema = 'main' and name not like 'sqlite_schema'",
  );
  const kinds = new Map(schema.objects.map(({ name, kind }) => [name, kind]));
  for (const { name, type, wr } of listed) {
    const expected = wr === 1 ? "without-rowid" : type === "shadow" ? "table" : type;
    assert.is(kinds.get(name), expected, name);
  }
  const namesOf = (objects: readonly { name: string }[]): string[] =>
    objects.map(({ name }) => name).sort();
  const virtual = schema.objects.filter(({ kind }) => kind === "virtual");
  assert.equal(
    namesOf(virtual.flatMap(({ name }) => schema.shadowsOf(name))),
    namesOf(listed.filter(({ type }) => type === "shadow")),
  );
  return schema;
}

for (const recipe of RECIPES) {
  test(`the schema is what SQLite says it is: ${recipe.name}`, async () => {
    const program = findSqlite();
    if (program === undefined) return;
    await compare(program, make(program, folder, recipe));
  });
}

test("the schema is what SQLite says it is: a database of the world", async () => {
  const program = findSqlite();
  const file = findProj();
  if (program === undefined || file === undefined) return;
  await compare(program, file);
});

const ODD = `
  create table "a ""quoted"" name)"(x, "without rowid");
  create table [in brackets](x primary key) /* without rowid */;
  create table late(x primary key) -- ) not yet
    WITHOUT /* and */ RowID;
  create table strict_one(x integer primary key) strict;
  create table strict_two(x integer primary key) strict, without rowid;
  create table derived as select 1 as a, 2 as b;
  create virtual table "using fts4(x)" using "FTS5" (body);
  create virtual table docs /* using */ using fts4(body);
  create virtual table \`docs_more\` using rtree(id, x0, x1);
  create table docs_history(x unique, y unique);
  create index docs_history_y on docs_history(y desc) where y > 1;
  create table Ünï(x);
  alter table derived rename to renamed;`;

test("odd names and statements are read as SQLite reads them", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  for (const encoding of ["UTF-8", "UTF-16le", "UTF-16be"]) {
    const settings = `pragma encoding = '${encoding}';`;
    const schema = await compare(
      program,
      make(program, folder, { name: `odd ${encoding}`, settings, sql: ODD }),
    );
    const modules = schema.objects.filter(({ kind }) => kind === "virtual");
    assert.equal(
      modules.map(({ name, module }) => [name, module]),
      [
        ["using fts4(x)", "fts5"],
        ["docs", "fts4"],
        ["docs_more", "rtree"],
      ],
    );
  }
});

test("a table's b-trees are its own, its indexes' and its shadow tables'", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const file = make(program, folder, { name: "roots", sql: ODD });
  const schema = await readSchema(await openFile(file));
  const nameOf = new Map(schema.objects.map(({ name, rootPage }) => [rootPage, name]));
  const names = (table: string, indexes?: boolean): (string | undefined)[] => {
    const options = indexes === undefined ? {} : { indexes };
    return schema.rootPagesOf(table, options).map((root) => nameOf.get(root));
  };

  assert.equal(names("DOCS_History").sort(), [
    "docs_history",
    "docs_history_y",
    "sqlite_autoindex_docs_history_1",
    "sqlite_autoindex_docs_history_2",
  ]);
  assert.equal(names("docs_history", false), ["docs_history"]);
  assert.equal(names("in brackets"), ["in brackets", "sqlite_autoindex_in brackets_1"]);
  assert.equal(names("late"), ["late"], "its primary key is itself");
  assert.equal(names("docs").sort(), [
    "docs_content",
    "docs_docsize",
    "docs_segdir",
    "docs_segments",
    "docs_stat",
    "sqlite_autoindex_docs_segdir_1",
  ]);
  assert.equal(schema.rootPagesOf("SQLITE_MASTER"), [1]);
  assert.equal(schema.rootPagesOf("ünÏ".replace("Ï", "ï").replace("ü", "Ü")).length, 1);
  assert.throws(() => schema.rootPagesOf("ünï"), /no table ünï/);
  assert.throws(() => schema.rootPagesOf("docs_history_y"), /no table/);
});

test("the shadow tables of a module that is not known are all that have its name before theirs", () => {
  const of = (kind: SchemaObject["kind"], name: string, rootPage: number): SchemaObject => {
    const module = kind === "virtual" ? "constructor" : undefined;
    return { kind, name, table: name, rootPage, sql: "", module };
  };
  const schema = new Schema([
    of("virtual", "Vectors", 0),
    of("table", "vectors_A", 2),
    of("view", "vectors_b", 0),
    of("virtual", "vectors_c", 0),
    of("table", "vectorsd", 3),
    of("trigger", "vectors_a", 0),
  ]);
  assert.equal(
    schema.shadowsOf("vectors").map(({ name }) => name),
    ["vectors_A"],
  );
  assert.equal(schema.rootPagesOf("VECTORS"), [2]);
  assert.equal(schema.rootPagesOf("vectors_a"), [2], "a trigger may have the name of a table");
});

test("a view has no b-tree", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const file = make(program, folder, { name: "view", sql: "create view v as select 1;" });
  const schema = await readSchema(await openFile(file));
  assert.throws(() => schema.rootPagesOf("v"), /v is a view/);
  assert.equal(schema.rootPages(), [1]);
});

test("options of a table stand behind its last parenthesis", () => {
  const statements: readonly (readonly [boolean, string])[] = [
    [true, "CREATE TABLE t(a primary key) without rowid"],
    [true, "CREATE TABLE t(a primary key)WITHOUT/**/ROWID"],
    [true, "CREATE TABLE t(a primary key) -- c)\n WITHOUT\n--\nROWID -- not"],
    [true, "CREATE TABLE t(a check(a <> ')') primary key) strict, without rowid"],
    [false, "CREATE TABLE t(a default 'x) without rowid')"],
    [false, "CREATE TABLE t(a) /* without rowid */"],
    [false, "CREATE TABLE t(a) /* without rowid"],
    [false, "CREATE TABLE t(a) -- without rowid"],
    [false, 'CREATE TABLE "t) without rowid"(a)'],
    [false, "CREATE TABLE t(without rowid)"],
    [false, "CREATE TABLE t(a) 'without' rowid"],
    [false, ""],
  ];
  for (const [expected, sql] of statements) assert.is(saysWithoutRowid(sql), expected, sql);
  assert.is(moduleOf("CREATE VIRTUAL TABLE x"), undefined);
  assert.is(moduleOf("CREATE VIRTUAL TABLE x -- using a\n USING [B c](d)"), "b c");
});

test("no statement is too large or too odd to be looked at", () => {
  const long = 5_000_000;
  for (const filling of [`/*${"*".repeat(long)}`, `'${"''".repeat(long)}`, "(".repeat(long / 50)]) {
    assert.is(saysWithoutRowid(`CREATE TABLE t(${filling}`), false);
    assert.is(moduleOf(filling), undefined);
  }
});

test.run();
