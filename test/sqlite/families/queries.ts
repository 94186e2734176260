import { type Family, ordered, pairs, unordered } from "./family.ts";

const JOINS = ["join", "left join", "right join", "full join", "cross join"];
const ON = [
  "p.id = o.person",
  "p.id = o.person and o.amount > 5",
  "p.id = o.person or p.age < o.amount",
  "p.city = 'Oslo' and o.person is p.boss",
  "p.age is o.amount",
];
const WHERE = [
  "true",
  "p.id is null",
  "o.id is null",
  "p.age > 30 and o.price < 10",
  "o.item in ('a', 'b') or p.city is null",
];

const joins: Family = {
  name: "joins",
  steps: [
    ...ordered(
      pairs(pairs(JOINS, ON), WHERE).map(
        ([[join, on], where]) =>
          `select p.id as p, o.id as o, p.name, o.item from people p ${join} orders o on ${on}
           where ${where} order by p.id, o.id`,
      ),
    ),
    ...unordered(
      pairs(JOINS, JOINS).flatMap(([one, other]) => [
        `select p.id as p, b.id as b, t.tag from people p ${one} people b on b.id = p.boss
         ${other} tags t on t.owner = p.id`,
        `select count(*) as n, total(o.amount) as s from tags t ${one} people p on p.id = t.owner
         ${other} orders o on o.person = p.id and o.amount = t.weight % 17`,
      ]),
    ),
    ...unordered([
      "select * from people natural join tags",
      "select * from people natural left join (select id, item from orders where id < 5)",
      "select id, name, item from people full join orders using(id)",
      "select id, name, item from people right join orders using(id)",
      "select p.id, p.rowid as r, o.* from people p, orders o where o.person = p.id and o.id < 20",
    ]),
  ],
};

const AGGREGATES = [
  ...["count(*)", "count(X)", "count(distinct X)", "sum(X)", "total(X)", "avg(X)", "min(X)"],
  ...["max(X)", "group_concat(X, '-' order by id)", "string_agg(X, '/' order by id desc)"],
  ...["sum(distinct X)", "count(X) filter (where id % 2)", "max(X) filter (where X < 9)"],
  ...["median(X)", "percentile(X, 25)", "json_group_array(X order by id)"],
];
const GROUPS = ["person", "item", "amount % 3", "person, item", "price is null", "1 + 1"];
const HAVING = ["true", "count(*) > 3", "min(amount) < 0", "X is not null"];

const aggregates: Family = {
  name: "aggregates",
  steps: unordered([
    ...pairs(AGGREGATES, ["amount", "price", "person"]).flatMap(([aggregate, column]) => {
      const call = aggregate.replaceAll("X", column);
      return [
        `select ${call} as v, typeof(${call}) as t from orders`,
        `select ${call} as v from orders where id < 0`,
        ...GROUPS.map((group) => `select ${group}, ${call} as v from orders group by ${group}`),
      ];
    }),
    ...pairs(GROUPS, HAVING).map(
      ([group, having]) =>
        `select ${group}, count(*) as n, sum(amount) as s from orders group by ${group}
         having ${having.replaceAll("X", group.split(",")[0] ?? "")}`,
    ),
    "select max(amount) as m, id from orders where id < 9",
    "select distinct person, item from orders",
    "select sum(9223372036854775807 + amount - amount) as v from orders where id < 3",
    "select sum(9223372036854775807) as v from orders",
    "select total(9223372036854775807) as v from orders",
  ]),
};

const SETS = ["union", "union all", "intersect", "except"];
const SELECTS = [
  "select id, name as x from people",
  "select person, item from orders",
  "select owner, tag from tags",
  "values (1, 'Ada'), (2, 'z'), (null, null)",
  "select null, x'00'",
];

const sets: Family = {
  name: "sets",
  steps: [
    ...unordered(
      pairs(pairs(SETS, SELECTS), SELECTS).map(([[set, one], other]) => `${one} ${set} ${other}`),
    ),
    ...ordered(
      pairs(pairs(SETS, SETS), ["1, 2", "2 desc, 1", "1 desc nulls last, 2"]).map(
        ([[one, other], order]) =>
          `${SELECTS[0]} ${one} ${SELECTS[1]} ${other} ${SELECTS[2]} order by ${order} limit 9`,
      ),
    ),
  ],
};

const INNER = [
  "select person from orders",
  "select person from orders where person is not null",
  "select o.person from orders o where o.amount > p.age / 3",
  "select t.owner from tags t where t.tag = lower(substr(p.name, 1, 1))",
  "select null",
  "select id from people where false",
];
const TESTS = [
  ...["p.id in (X)", "p.id not in (X)", "exists (X)", "not exists (X)", "p.id = (X)"],
  ...[
    "(X) is null",
    "p.id > coalesce((X order by 1 limit 1), 0)",
    "(p.id, 1) in (select *, 1 from (X))",
  ],
];

const subqueries: Family = {
  name: "subqueries",
  steps: ordered(
    pairs(TESTS, INNER).flatMap(([test, inner]) => [
      `select id from people p where ${test.replace("X", inner)} order by id`,
      `select id, ${test.replace("X", inner)} as v from people p order by id`,
    ]),
  ),
};

export const queries: readonly Family[] = [joins, aggregates, sets, subqueries];
