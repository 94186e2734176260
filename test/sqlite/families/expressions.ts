import { type Family, ordered, pairs, typed, typedAll, unordered } from "./family.ts";

const LITERALS = [
  ...["null", "0", "1", "-1", "7", "2.5", "-0.5", "''", "'1'", "'2.5abc'", "'abc'", "'ABC'"],
  ...["x''", "x'616263'", "9223372036854775807", "-9223372036854775808", "1e308", "true"],
];
const ARITHMETIC = ["+", "-", "*", "/", "%", "&", "|", "<<", ">>", "||"];
const COMPARISONS = [
  ...["<", "<=", "=", "<>", ">", ">=", "is", "is not", "is distinct from"],
  ...["is not distinct from"],
];
const LOGIC = ["and", "or"];
const COLUMNS = ["i", "r", "t", "n", "b", "a"];
const TYPES = [
  ...["integer", "real", "text", "blob", "numeric", "boolean", "varchar(3)", "double precision"],
  ...["bigint", "any"],
];

/** With values that are known when it is compiled, and with the same ones bound. */
const operators: Family = {
  name: "operators",
  steps: pairs([...ARITHMETIC, ...COMPARISONS, ...LOGIC], LITERALS).flatMap(([operator, left]) => [
    {
      sql: `select ${typedAll(LITERALS.map((right) => `(${left} ${operator} ${right})`))}`,
      isOrdered: true,
    },
    ...ordered([`select id, ${typed(`(${left} ${operator} a)`)} from kinds order by id`]),
  ]),
};

/** What an affinity makes of the other side of a comparison. */
const affinities: Family = {
  name: "affinities",
  steps: ordered(
    pairs(pairs(COLUMNS, COLUMNS), COMPARISONS).map(
      ([[left, right], operator]) =>
        `select x.id as x, y.id as y from kinds x join kinds y on x.${left} ${operator} y.${right}
         order by x.id, y.id`,
    ),
  ),
};

const casts: Family = {
  name: "casts",
  steps: [
    ...ordered(
      pairs(TYPES, LITERALS).map(
        ([type, value]) => `select ${typed(`cast(${value} as ${type})`)}, cast(${value} as ${type})
          = ${value} as same`,
      ),
    ),
    ...ordered(
      pairs(TYPES, COLUMNS).map(
        ([type, column]) =>
          `select id, ${typed(`cast(${column} as ${type})`)} from kinds order by id`,
      ),
    ),
  ],
};

const UNARY = ["-", "+", "~", "not", "not not"];

const unary: Family = {
  name: "unary operators",
  steps: ordered(
    UNARY.flatMap((operator) => [
      `select ${typedAll(LITERALS.map((value) => `(${operator} ${value})`))}`,
      ...COLUMNS.map(
        (column) => `select id, ${typed(`(${operator} ${column})`)} from kinds order by id`,
      ),
    ]),
  ),
};

const CONDITIONS = [
  ...[
    "X is null",
    "X is not null",
    "X isnull",
    "X notnull",
    "X in (1, null)",
    "X not in (1, null)",
  ],
  ...["X in ()", "X not in ()", "X between null and 2", "X between 1 and '2'", "X is true"],
  ...["X is not true", "X is false", "X and null", "X or null", "not X", "X = X", "X is X"],
  ...["coalesce(X, 5) > 2", "ifnull(X, 0)", "nullif(X, 1) is null", "X in (select a from kinds)"],
  ...["case X when 1 then 1 when null then 2 end", "case when X then 1 else 0 end"],
  ...["iif(X, 1, null)", "X between null and 1", "X || 'a' is null", "X not between 1 and 3"],
];

/** Three values of logic: what is neither true nor false is in no result. */
const nulls: Family = {
  name: "null",
  steps: pairs(CONDITIONS, COLUMNS).flatMap(([condition, column]) => {
    const is = condition.replaceAll("X", column);
    return [
      ...ordered([`select id from kinds where ${is} order by id`]),
      ...ordered([`select id, (${is}) as v from kinds order by id`]),
      ...unordered([`select count(*) as n, ${is} as v from kinds group by 2`]),
    ];
  }),
};

export const expressions: readonly Family[] = [operators, affinities, casts, unary, nulls];
