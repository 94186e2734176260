import { type Family, ordered, pairs, unordered } from "./family.ts";

const CALLS = [
  ...["row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(3)"],
  ...["lag(amount)", "lag(amount, 2, -9)", "lead(item)", "lead(amount, 0)", "first_value(item)"],
  ...["last_value(item)", "nth_value(amount, 2)", "sum(amount)", "count(*)", "min(price)"],
  ...["max(item)", "total(price)", "group_concat(item)", "count(price) filter (where amount > 3)"],
];
const PARTITIONS = ["", "partition by person", "partition by item, amount > 5"];
const ORDERS = ["order by id", "order by amount, id"];
const FRAMES = [
  ...["", "rows between unbounded preceding and current row", "rows 2 preceding"],
  ...["rows between 1 following and 3 following", "rows between 2 preceding and 1 preceding"],
  ...["rows between unbounded preceding and unbounded following exclude current row"],
  ...["groups between 1 preceding and 1 following", "groups unbounded preceding exclude ties"],
  ...["range between unbounded preceding and current row exclude group"],
];

const windows: Family = {
  name: "windows",
  steps: ordered([
    ...pairs(pairs(CALLS, PARTITIONS), ORDERS).map(
      ([[call, partition], order]) =>
        `select id, ${call} over (${partition} ${order}) as v from orders order by id`,
    ),
    ...pairs(CALLS.slice(10), FRAMES).map(
      ([call, frame]) =>
        `select id, ${call} over (partition by item order by id ${frame}) as v from orders
         order by id`,
    ),
    ...pairs(
      ["1 preceding", "2.5 following", "current row", "unbounded following"],
      ["amount", "amount desc", "price nulls last"],
    ).map(
      ([bound, order]) =>
        `select id, count(*) over (order by ${order} range between 3 preceding and ${bound}) as v
         from orders order by id`,
    ),
    `select id, sum(amount) over w as s, avg(amount) over (w rows 1 preceding) as a from orders
     window w as (partition by person order by id) order by id`,
    `select person, sum(sum(amount)) over (order by person) as s from orders group by person
     order by person`,
    "select id from orders where sum(amount) over () > 1",
    "select id, sum(amount) over (rows between 1 following and 1 preceding) as v from orders",
    "select id, ntile(0) over () as v from orders",
    "select id, sum(amount) over (order by id rows -1 preceding) as v from orders",
  ]),
};

const LIMITS = ["", "limit 5", "limit 5 offset 3", "limit -1 offset 35", "limit 0", "limit 2, 4"];

const tables: Family = {
  name: "common tables",
  steps: [
    ...ordered([
      ...pairs(LIMITS, ["", "materialized", "not materialized"]).map(
        ([limit, how]) =>
          `with o as ${how} (select id, amount from orders order by amount, id ${limit})
           select a.id, b.amount from o a join o b on b.id = a.id order by a.id`,
      ),
      ...LIMITS.map(
        (limit) =>
          `with recursive n(i) as (select 1 union all select i + 1 from n where i < 30 ${limit})
           select count(*) as n, sum(i) as s, max(i) as m from n`,
      ),
      ...pairs(LIMITS, ["asc", "desc"]).map(
        ([limit, direction]) =>
          `select id, item from orders order by item ${direction}, id ${direction} ${limit}`,
      ),
    ]),
    ...unordered([
      ...["union", "union all"].flatMap((union) => [
        `with recursive below(id, depth) as (select 1, 0 ${union} select p.id, depth + 1
         from people p join below on p.boss = below.id) select * from below`,
        `with recursive path(id, names) as (select id, name from people where boss is null
         ${union} select p.id, names || '>' || p.name from people p join path on p.boss = path.id)
         select * from path`,
        `with recursive grid(x, y) as (select 0, 0 ${union} select (x + 1) % 4, (y + x) % 3
         from grid limit 50) select distinct x, y from grid`,
      ]),
      "with a as (select 1 as x), b as (select x + 1 as y from a) select * from a, b",
      "with a(x) as (select x from a) select * from a",
      "with recursive a(x) as (select 1 union all select x from a limit 3) select * from a",
      `with recursive even(n) as (select 0 union all select n + 2 from even where n < 20),
       odd(n) as (select 1 union all select n + 2 from odd where n < 20)
       select e.n as e, o.n as o from even e, odd o where e.n * o.n = 36 or e.n = o.n + 1`,
    ]),
  ],
};

export const windowsAndTables: readonly Family[] = [windows, tables];
