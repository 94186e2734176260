import type { Recipe } from "./sqlite-databases.ts";

/** The numbers from 1 to `count`, as the table `n(i)` of the statement that follows. */
export function numbers(count: number): string {
  return `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})`;
}

/** Tables and indexes of every sort, of as many rows. */
export function ordinaryTables(rows: number): string {
  return `
    create table plain(id integer primary key, a text, b blob);
    create index plain_a on plain(a, id);
    ${numbers(rows)} insert into plain
      select i, printf('%d value %d', i * 7919 % 10007, i), zeroblob(i * 31 % 97) from n;
    create table keyed(k text, v, primary key(k)) without rowid;
    ${numbers(rows / 4)} insert into keyed
      select printf('%0*d', 1 + i * 17 % 40 + (i % 50 = 0) * 900, i), i from n;
    create table "Mixed Case"(x unique, y text default 'without rowid)' /* ) */, z);
    ${numbers(rows / 8)} insert into "Mixed Case" select i, printf('%0*d', i % 200, i), null from n;
    create table large(id integer primary key, body blob);
    ${numbers(12)} insert into large select i, zeroblob(i * i * ${rows / 2}) from n;
    create table counted(id integer primary key autoincrement, a);
    insert into counted(a) values ('ä€😀');
    analyze;`;
}

/** The same, with virtual tables, a view and a trigger. */
export function variousTables(rows: number): string {
  return `
    create virtual table words using fts5(body);
    ${numbers(rows / 8)} insert into words select printf('word%d other%d', i, i % 70) from n;
    create table words_extra(a);
    ${ordinaryTables(rows)}
    create virtual table "Boxes" using rtree(id, x0, x1);
    ${numbers(rows / 16)} insert into "Boxes" select i, i, i + 1 from n;
    create view seen as select a from plain;
    create trigger noted after insert on plain begin select 1; end;`;
}

export const FREEING = `
  delete from plain where id % 5 < 3;
  delete from large where id % 2;
  drop table keyed;`;

const various = (name: string, settings: string, rows = 3000): Recipe => {
  return { name, settings, sql: variousTables(rows) };
};

export const RECIPES: readonly Recipe[] = [
  { name: "of one page", sql: "create table t(a); drop table t;" },
  ...[512, 1024, 4096, 65536].map((size) =>
    various(`pages of ${size} bytes`, `pragma page_size = ${size};`),
  ),
  various("UTF-16le", "pragma encoding = 'UTF-16le'; pragma page_size = 1024;"),
  various("UTF-16be", "pragma encoding = 'UTF-16be'; pragma page_size = 512;"),
  ...["full", "incremental"].map((mode) => ({
    name: `auto-vacuum ${mode}, with free pages`,
    settings: `pragma page_size = 512; pragma auto_vacuum = ${mode};`,
    sql: variousTables(3000) + FREEING,
  })),
  { name: "free pages", settings: "pragma page_size = 1024;", sql: variousTables(3000) + FREEING },
  {
    name: "reserved bytes",
    settings: "pragma page_size = 1024;\n.filectrl reserve_bytes 77\n",
    sql: `${variousTables(2000)} create table wide(${"a".repeat(5000)} default 'end');`,
  },
  {
    name: "reserved bytes and auto-vacuum",
    settings: "pragma page_size = 512; pragma auto_vacuum = full;\n.filectrl reserve_bytes 20\n",
    sql: variousTables(1000),
  },
  {
    name: "the smallest usable size",
    settings: "pragma page_size = 512;\n.filectrl reserve_bytes 32\n",
    sql: variousTables(1000),
  },
  {
    name: "deep",
    settings: "pragma page_size = 512;",
    sql: `create table t(k text primary key) without rowid;
      ${numbers(12000)} insert into t select printf('%090d', i * 7919 % 12007) from n;`,
  },
  {
    name: "many tables",
    settings: "pragma page_size = 512;",
    sql: Array.from({ length: 300 }, (_, i) => `create table t${i}(${"a".repeat(i * 5)}x);`).join(
      "",
    ),
  },
];

/** @param name one of the recipes'. */
export function recipe(name: string): Recipe {
  const found = RECIPES.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no recipe ${name}`);
  return found;
}
