import type { SqlStep } from "../step.ts";
import { type Family, pairs } from "./family.ts";

const FAMILIES = `
  insert into parent values (1, 'a', 10), (2, 'b', 20), (3, 'c', 30);
  insert into child values (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, null, null);
`;
const FRESH = `
  drop table if exists child; drop table if exists parent; drop table if exists log;
  drop table if exists stock;
  create table parent(id integer primary key, code text unique, n integer check (n < 100));
  create table child(
    id integer primary key, parent integer references parent(id) on delete DELETE on update UPDATE,
    code text references parent(code) on delete DELETE on update UPDATE deferrable initially WHEN
  );
  create table stock(
    item text primary key, n integer not null default 1, note text,
    twice integer generated always as (n * 2) stored, label as (item || '#' || n) virtual
  ) without rowid;
  create table log(id integer primary key autoincrement, what text);
  insert into stock(item, n) values ('a', 1), ('b', 2), ('c', 3);
  ${FAMILIES}
`;

function fresh(action: string, when: string): SqlStep {
  const actions = FRESH.replaceAll("DELETE", action).replaceAll("UPDATE", action);
  return { sql: `begin; ${actions.replaceAll("WHEN", when)}; commit`, how: "exec" };
}

const made = fresh("cascade", "immediate");

function run(sql: string): SqlStep {
  return { sql, how: "run" };
}

/** Takes back what a case has changed; some have done that themselves. */
function isolated(steps: readonly SqlStep[]): SqlStep[] {
  return [run("begin"), ...steps, run("rollback")];
}

const rows = (table: string): SqlStep => ({ sql: `select * from ${table}` });
const look = ["parent", "child", "stock", "log"].map(rows);

const VERBS = ["insert", "replace", "insert or ignore", "insert or abort", "insert or rollback"];
const ROWS = [
  "('a', 5, null)",
  "('d', null, 'x')",
  "('e', 7, 'new'), ('a', 8, 'old')",
  "('f', '9', 1.5), ('f', 10, x'00')",
  "(null, 1, 1)",
];

const inserts: Family = {
  name: "inserts",
  steps: [
    made,
    ...pairs(VERBS, ROWS).flatMap(([verb, values]) =>
      isolated([
        run(`${verb} into stock(item, n, note) values ${values}`),
        rows("stock"),
        { sql: `${verb} into stock(item, n, note) values ${values} returning *, n + 1 as more` },
        { sql: "select total_changes() > 0 as v, changes() as n" },
        rows("stock"),
      ]),
    ),
  ],
};

const UPSERTS = [
  "on conflict do nothing",
  "on conflict(item) do nothing",
  "on conflict(item) do update set n = n + excluded.n",
  "on conflict(item) do update set n = excluded.n where excluded.n > stock.n",
  "on conflict(item) do update set item = excluded.item || '2', note = coalesce(note, 'was null')",
  "on conflict(item) do update set n = null",
  "on conflict(n) do nothing",
  "on conflict(item) do update set twice = 3",
];

const upserts: Family = {
  name: "upserts",
  steps: [
    made,
    ...pairs(UPSERTS, ROWS).flatMap(([conflict, values]) =>
      isolated([
        run(`insert into stock(item, n, note) values ${values} ${conflict}`),
        rows("stock"),
        {
          sql: `insert into stock(item, n) select item, n + 1 from stock where true ${conflict}
            returning item, n, label`,
        },
        rows("stock"),
      ]),
    ),
  ],
};

const ACTIONS = ["no action", "restrict", "cascade", "set null", "set default"];
const PARENTS = [
  "delete from parent where id = 1",
  "delete from parent",
  "update parent set id = id + 10",
  "update parent set code = upper(code) where id < 3",
  "update parent set code = null",
  "insert or replace into parent values (1, 'z', 1)",
  "insert or replace into parent values (9, 'b', 1)",
  "drop table parent",
];
const CHILDREN = [
  "insert into child values (9, 99, null)",
  "insert into child values (9, 1, 'nope')",
  "update child set parent = 7 where id = 1",
];
const AGAIN = `begin; delete from child; delete from parent; ${FAMILIES} commit`;

/** A violation may be found at once, or when everything is committed, which then goes on. */
const foreignKeys: Family = {
  name: "foreign keys",
  steps: pairs(ACTIONS, ["immediate", "deferred"]).flatMap(([action, when]) => [
    fresh(action, when),
    ...[...CHILDREN, ...PARENTS].flatMap((change): SqlStep[] => [
      run("begin"),
      run(change),
      { sql: "pragma foreign_key_check" },
      rows("child"),
      run("commit"),
      run("rollback"),
      rows("child"),
      rows("parent"),
      { sql: AGAIN, how: "exec" },
    ]),
  ]),
};

const TIMES = pairs(["before", "after"], ["insert", "update", "update of n", "delete"]);
const BODIES = [
  "insert into log(what) values ('t ' || changes())",
  "update stock set note = 'touched' where item = 'b'",
  "select raise(ignore)",
  "select raise(abort, 'no')",
  "select raise(rollback, 'back')",
  "insert into log(what) select item || n from stock where n > 1 order by item",
];

const triggers: Family = {
  name: "triggers",
  steps: [
    made,
    ...pairs(TIMES, BODIES).flatMap(([[time, event], body]) =>
      isolated([
        run(`create trigger tr ${time} ${event} on stock begin ${body}; end`),
        run("insert into stock(item, n) values ('d', 4), ('e', 5)"),
        run("update stock set n = n + 1 where item < 'c'"),
        run("update stock set note = 'x'"),
        run("delete from stock where item = 'a'"),
        rows("stock"),
        rows("log"),
      ]),
    ),
  ],
};

const UPDATES = [
  "update stock set n = n * 2 returning item, n, twice, label",
  "update stock set n = p.n from parent p where p.code = stock.item returning item, n",
  "update stock set item = item || 'x', n = (select max(n) from parent) returning *",
  "update or ignore stock set item = 'a' where n > 1 returning *",
  "update or replace stock set item = 'b' where item = 'a' returning *",
  "update stock set (n, note) = (select n, code from parent where code = item) returning *",
  "update stock set n = null",
  "update stock set twice = 1",
  "update parent set n = n + 75 returning *",
  "delete from stock where n in (select n / 10 from parent) returning item, twice",
  "delete from stock returning count(*) over ()",
  "delete from stock where item like 'a' returning *, rowid",
  "delete from child where parent is null returning id",
  "with x as (select 'b' as i) delete from stock where item in (select i from x) returning item",
  "with x(i, m) as (values ('a', 5), ('q', 6)) insert into stock(item, n) select * from x where true on conflict do update set n = excluded.n returning *",
];
const AROUND = [
  ["savepoint s", "rollback to s; release s"],
  ["savepoint s", "release s"],
];

const updates: Family = {
  name: "updates and deletes",
  steps: [
    made,
    ...pairs(UPDATES, AROUND).flatMap(([update, [before = "", after = ""]]) =>
      isolated([
        run(before),
        { sql: update },
        { sql: "select changes() as n, last_insert_rowid() as r" },
        ...look,
        { sql: after, how: "exec" },
        rows("stock"),
      ]),
    ),
  ],
};

export const changes: readonly Family[] = [inserts, upserts, foreignKeys, triggers, updates];
