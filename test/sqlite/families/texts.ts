import { type Family, ordered, pairs, typed, unordered } from "./family.ts";

const COLLATIONS = ["binary", "nocase", "rtrim"];
const WORDS = ["plain", "nocase", "rtrim"];
const PATTERNS = [
  ...["abc", "ABC", "a%", "%c", "%b%", "a_c", "_", "%", "", "100\\%", "a\\_c", "Ä%", "ä__", "日%"],
  ...["%c  ", "__", "%x%", "%\\", "🎉_", "a%b%c%"],
];
const GLOBS = [
  ...["abc", "a*", "*c", "a?c", "[ab]*", "[^a]*", "*[*]*", "[[]ab]", "??", "*", "", "[A-Z]*"],
  ...["a[*]c", "[]]", "*本*", "[!a]*", "[a-", "**c"],
];

const collations: Family = {
  name: "collations",
  steps: [
    ...ordered(
      pairs(pairs(WORDS, COLLATIONS), ["asc", "desc"]).map(
        ([[word, collation], direction]) =>
          `select id from words order by ${word} collate ${collation} ${direction}, id`,
      ),
    ),
    ...ordered(
      pairs(pairs(WORDS, COLLATIONS), ["=", "<", ">=", "is", "in"]).map(
        ([[word, collation], operator]) => {
          const right = operator === "in" ? "('abc', 'ABD')" : "'abc'";
          return `select id from words where ${word} collate ${collation} ${operator} ${right}
            order by id`;
        },
      ),
    ),
    ...unordered(
      pairs(WORDS, COLLATIONS).flatMap(([word, collation]) => [
        `select count(*) as n, min(id) as id from words group by ${word} collate ${collation}`,
        `select count(distinct ${word} collate ${collation}) as n from words`,
        `select min(${word} collate ${collation}) as a, max(${word} collate ${collation}) as z
         from words`,
        `select x.id as x, y.id as y from words x join words y
         on x.${word} = y.plain collate ${collation}`,
        `select id from words where ${word} collate ${collation} between 'ab' and 'abd'`,
        `select max('a', ${word} collate ${collation}, 'B') as v from words`,
      ]),
    ),
    ...ordered(
      pairs(WORDS, WORDS).map(
        ([one, other]) =>
          `select x.id as x, y.id as y from words x, words y where x.${one} = y.${other}
           order by 1, 2`,
      ),
    ),
  ],
};

const patterns: Family = {
  name: "patterns",
  steps: [
    ...pairs(WORDS, PATTERNS).flatMap(([word, pattern]) => [
      {
        sql: `select id, ${word} like ? escape '\\' as v from words order by id`,
        parameters: [pattern],
        isOrdered: true,
      },
      ...ordered([`select id from words where ${word} like '${pattern}' order by id`]),
      ...ordered([`select id from words where ${word} not like '${pattern}' order by id`]),
    ]),
    ...pairs(WORDS, GLOBS).flatMap(([word, pattern]) => [
      ...ordered([`select id from words where ${word} glob '${pattern}' order by id`]),
      { sql: `select ${typed(`glob(?, ${word})`)} from words`, parameters: [pattern] },
    ]),
  ],
};

const COUNTS = ["-5", "-2", "-1", "0", "1", "2", "3", "9", "null"];

const parts: Family = {
  name: "parts of texts and blobs",
  steps: ordered([
    ...pairs(COUNTS, COUNTS).map(
      ([from, length]) =>
        `select id, substr(plain, ${from}, ${length}) as s, hex(substr(cast(plain as blob), ${from},
         ${length})) as b from words order by id`,
    ),
    ...COUNTS.map((from) => `select id, substr(plain, ${from}) as s from words order by id`),
    ...["'b'", "''", "'C'", "'本'", "null", "x'62'", "char(0)"].flatMap((what) => [
      `select id, instr(plain, ${what}) as at from words order by id`,
      `select id, replace(plain, ${what}, '<>') as v from words order by id`,
      `select id, trim(plain, ${what}) as b, ltrim(plain, ${what}) as l, rtrim(plain, ${what}) as r
       from words order by id`,
    ]),
  ]),
};

const SCALARS = [
  ...["length(X)", "octet_length(X)", "upper(X)", "lower(X)", "trim(X)", "hex(X)", "quote(X)"],
  ...["unicode(X)", "typeof(X)", "abs(X)", "sign(X)", "round(X)", "round(X, 1)", "round(X, -1)"],
  ...["ceil(X)", "floor(X)", "trunc(X)", "mod(X, 2)", "char(X, 66)", "X || X", "likely(X)"],
  ...["printf('%d|%s|%5.2f', X, X, X)", "printf('%x %q %Q %w', X, X, X, X)", "format('%,d', X)"],
  ...["printf('%-8s|%08.3e|%g', X, X, X)", "printf('%c%10.3s!', X, X)", "zeroblob(X % 5)"],
  ...["unhex(X)", "concat(X, null, 1)", "concat_ws('-', X, null, 1)", "min(X, 1)", "max(X, 'b')"],
  ...["iif(X, 'yes', 'no')", "nullif(X, 1)", "X -> '$'", "unistr('a' || X)", "quote(zeroblob(2))"],
];

const functions: Family = {
  name: "functions",
  steps: pairs(SCALARS, ["i", "r", "t", "n", "b", "a"]).flatMap(([scalar, column]) =>
    // One of the rows may be an error, so that each is asked for alone where all together fail.
    ordered([
      `select id, ${typed(scalar.replaceAll("X", column))} from kinds
       where typeof(${column}) in ('integer', 'real', 'null') order by id`,
      `select id, ${typed(scalar.replaceAll("X", column))} from kinds
       where typeof(${column}) in ('text', 'blob') order by id`,
    ]),
  ),
};

export const texts: readonly Family[] = [collations, patterns, parts, functions];
