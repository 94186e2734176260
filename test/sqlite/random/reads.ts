import type { Random } from "../../simulation/random.ts";
import type { SqlStep } from "../step.ts";
import { condition, Draft, integer, scalar } from "./conditions.ts";
import { ITEMS, LARGES } from "./originals.ts";

interface Query {
  readonly sql: string;
  readonly isOrdered?: boolean;
}

type Kind = (draft: Draft) => Query;

const point: Kind = (draft) => ({
  sql: `select *, ${scalar(draft.random)} as v from item where id = ${draft.id()}`,
});

const range: Kind = (draft) => {
  const { random } = draft;
  const direction = random.pick(["asc", "desc"]);
  return {
    sql: `select id, ${scalar(random)} as v, ${scalar(random)} as w from item
      where ${condition(draft)} order by ${random.pick(["id", "n, id", "kind, id", "label, id"])}
      ${direction} limit ${random.between(1, 60)} offset ${random.below(9)}`,
    // `kind` leaves no doubt, since all columns of an order have its collation, and `id` is last.
    isOrdered: true,
  };
};

const join: Kind = (draft) => {
  const { random } = draft;
  const how = random.pick(["join", "left join", "inner join", "right join", "full join"]);
  return {
    sql: `select i.id as id, p.place as place, p.name as name, ${scalar(random, "i.")} as v
      from item i ${how} part p on p.item = i.id and p.weight % ${random.between(2, 9)} = 1
      where ${condition(draft, "i.", 1)}`,
  };
};

const selfJoin: Kind = (draft) => {
  const { random } = draft;
  return {
    sql: `select a.id as a, b.id as b, ${scalar(random, "b.")} as v from item a
      join item b on ${random.pick(["b.kind = a.kind", "b.n = a.n + 1", "b.label = a.label"])}
      where a.id between ${draft.id()} and ${draft.id()} and b.id % ${random.between(3, 9)} = 0
      and ${condition(draft, "b.", 1)}`,
  };
};

const GROUPS = ["kind", "n % 7", "note is null", "kind, n % 2", "id / 50", "lower(kind)"];

const aggregate: Kind = (draft) => {
  const { random } = draft;
  const group = random.pick(GROUPS);
  const columns = [
    "count(*) as c",
    `sum(${integer(random)}) as s`,
    `max(${scalar(random)} collate binary) as m`,
    `min(${integer(random)}) as l`,
    `count(distinct ${scalar(random)}) as d`,
    `sum(n) filter (where ${condition(draft, "", 0)}) as f`,
    "group_concat(id, ' ' order by id desc) as g",
  ];
  const chosen = columns.filter((column) => /filter/.test(column) || random.chance(0.5));
  return {
    sql: `select ${chosen.join(", ")} from item where ${condition(draft)} group by ${group}
      ${random.chance(0.3) ? `having count(*) > ${random.between(1, 5)}` : ""}`,
  };
};

const window: Kind = (draft) => {
  const { random } = draft;
  const frame = random.pick([
    ...["", "rows 3 preceding", "rows between 2 preceding and 2 following exclude current row"],
    ...["groups 1 preceding", "range between 9 preceding and current row"],
  ]);
  return {
    sql: `select id, sum(${integer(random)}) over w as s, row_number() over w as r,
      lag(id, ${random.between(1, 4)}) over w as l from item where ${condition(draft)}
      window w as (partition by ${random.pick(GROUPS)} order by id ${frame}) order by id`,
    isOrdered: true,
  };
};

const recursive: Kind = (draft) => ({
  sql: `with recursive walk(id, depth) as (
      select ${draft.id()}, 0 union
      select i.id, depth + 1 from walk w join item i on i.id = (w.id * 7 + depth) % ${ITEMS}
      where depth < ${draft.random.between(1, 40)}
    ) select w.id, w.depth, i.kind from walk w left join item i using (id)`,
});

const compound: Kind = (draft) => {
  const set = draft.random.pick(["union", "union all", "intersect", "except"]);
  return {
    sql: `select id, kind from item where ${condition(draft)} ${set}
      select item, (select kind from item i where i.id = part.item) from part
      where weight > ${draft.integer()}`,
  };
};

const view: Kind = (draft) => ({
  sql: `select b.*, l.what from busy b left join log l on l.item = b.id
    where b.id between ${draft.id()} and ${draft.id()} and b.weight is not ${draft.integer()}`,
});

const words: Kind = (draft) => {
  const { random } = draft;
  const word = `word${random.below(20)}`;
  const asked = random.pick([
    word,
    `${word}*`,
    `other${random.below(9)} NOT ${word}`,
    `"and ${word}"`,
  ]);
  return {
    sql: `select rowid, title, highlight(words, 1, '<', '>') as h from words
      where words match ${draft.bound(`${random.pick(["", "body: "])}${asked}`)} order by rowid`,
    isOrdered: true,
  };
};

const large: Kind = (draft) => {
  const { random } = draft;
  const from = random.between(1, 200_000);
  return {
    sql: `select id, length(t) as t, length(body) as b, hex(substr(body, ${from}, 20)) as p,
      substr(t, ${random.between(-30, 9000)}, 30) as s from large
      where id ${random.pick(["=", "<=", ">"])} ${draft.value(BigInt(random.between(1, LARGES)))}`,
  };
};

const lone: Kind = (draft) => ({
  sql: `select a, b, c, count(*) over (partition by c) as n from lone
    where a > ${draft.integer()} or b = ${draft.value(`b${draft.random.between(1, 99)}`)}`,
});

const inside: Kind = ({ random }) => ({
  sql: random.pick([
    "select type, name, tbl_name, sql from sqlite_schema where name not like 'sqlite_stat%'",
    "select * from pragma_table_xinfo('item')",
    "pragma foreign_key_check",
    "pragma index_list(item)",
    "select count(*) as c, sum(length(body)) as s, max(id) as m from large",
    "select (select count(*) from part) as p, (select max(id) from log) as l, (select n from ticks)",
  ]),
});

const KINDS: readonly Kind[] = [
  ...[point, point, point, range, range, join, join, selfJoin, aggregate, aggregate, window],
  ...[recursive, compound, view, words, large, lone, inside],
];

/** One that asks and changes nothing. */
export function randomRead(random: Random): SqlStep {
  const draft = new Draft(random);
  const { sql, isOrdered = false } = random.pick(KINDS)(draft);
  return { sql, parameters: draft.parameters, isOrdered };
}
