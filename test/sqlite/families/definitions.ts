import { type Family, ordered, pairs, unordered } from "./family.ts";

const COLUMNS = [
  "a integer",
  "a integer not null default 5",
  "a text collate nocase unique",
  "a real check (a > 0)",
  "a blob default x'01'",
  "a integer generated always as (b + 1) stored",
  "a as (b || '!')",
  "a any",
  "a text default current_x",
];
const KINDS = ["", "strict", "without rowid", "strict, without rowid"];
const VALUES = ["1", "'1'", "'x'", "1.5", "x'61'", "null", "-1"];

/** A table that is there for one statement after the other, and then gone. */
const definitions: Family = {
  name: "tables",
  steps: pairs(COLUMNS, KINDS).flatMap(([column, kind]) => [
    { sql: "begin", how: "run" as const },
    {
      sql: `create table made(k integer primary key, ${column}, b integer) ${kind}`,
      how: "run" as const,
    },
    ...VALUES.map((value) => ({
      sql: `insert into made(a) values (${value})`,
      how: "run" as const,
    })),
    ...VALUES.slice(0, 4).map((value) => ({
      sql: `insert into made(k, b) values (${value}, ${value})`,
      how: "run" as const,
    })),
    ...unordered([
      "select *, typeof(a) as ta, typeof(b) as tb from made",
      "select * from pragma_table_xinfo('made')",
      "select type, name, sql from sqlite_schema where tbl_name = 'made'",
    ]),
    { sql: "rollback", how: "run" as const },
  ]),
};

const ALTERATIONS = [
  "alter table made add column x text",
  "alter table made add column x integer not null default 3",
  "alter table made add column x integer not null",
  "alter table made add column x as (a + 1)",
  "alter table made add column x integer primary key",
  "alter table made rename column a to z",
  "alter table made rename to moved",
  "alter table made drop column b",
  "alter table made drop column k",
  "alter table made rename column nope to z",
  "create index made_a on made(a desc) where b > 1",
  "create unique index made_b on made(b)",
  "create index made_e on made(a + b, lower(a))",
  "create view made_v as select a, count(*) as n from made group by a",
  "create view made_v(x, y) as select k, b from made where a is not null",
  "create table made as select * from people",
  "create table made_2 as select a, b as c from made where b is not null",
  "drop table made",
];

const alterations: Family = {
  name: "alterations",
  steps: ALTERATIONS.flatMap((alteration) => [
    {
      sql: `begin; create table made(k integer primary key, a integer, b integer);
        insert into made values (1, 10, 1), (2, 20, 1), (3, null, 2)`,
      how: "exec" as const,
    },
    { sql: alteration, how: "run" as const },
    ...unordered([
      "select * from made",
      "select * from moved",
      "select * from made_v",
      "select * from made_2",
      "select a from made where a > 5",
      "select type, name, sql from sqlite_schema where name like 'm%'",
      "pragma index_list(made)",
    ]),
    { sql: "rollback", how: "run" as const },
  ]),
};

const MISTAKES = [
  ...["select", "select 1 +", "selec 1", "select * from nowhere", "select nope from people"],
  ...[
    "select count(*) from people group by nope()",
    "select 'open",
    "select x'0",
    "select 1 2 3 4",
  ],
  ...["insert into people values (1)", "insert into people(nope) values (1)", "drop table nowhere"],
  ...["create table people(a)", "create index i on nowhere(a)", "select max(1, 2", "select * * 2"],
  ...["insert into people(id, name) values (1, 'again')", "insert into people(id) values (77)"],
  ...[
    "select abs(-9223372036854775808)",
    "select cast('x' as nope) + zeroblob(-1)",
    "begin; begin",
  ],
  ...[
    "select json('{')",
    "select substr()",
    "select sum(sum(age)) from people",
    "commit",
    "release x",
  ],
  ...["select (select 1, 2)", "select 1 union select 1, 2", "select * from people order by 99"],
  ...["select :a, ?", "update people set id = 'text' where id = 1", "attach 'x' as main"],
  ...["select likelihood(1, 2)", "select 1 limit 'x'", "select randomblob(-1) is null as v"],
  ...["pragma nonsense", "explain select 1 from nowhere", "analyze nowhere", "reindex nowhere"],
  ...[
    'select "not a column"',
    'select [id], `name`, "age" from people where id = 1',
    "select 1;;;",
  ],
  ...["select id from people indexed by nope", "delete from people_view", "values", "select 0x1g"],
  ...["select 9223372036854775808, 1_000, 0xff", "select unknown_function(1)", "vacuum nowhere"],
];

const mistakes: Family = { name: "mistakes", steps: ordered(MISTAKES) };

export const allDefinitions: readonly Family[] = [definitions, alterations, mistakes];
