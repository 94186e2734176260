import { execFileSync } from "node:child_process";

/** Bytes that no compression makes smaller, as SQL writes them. */
function noise(seed: number, length: number): string {
  let state = seed >>> 0;
  const bytes = Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return `x'${Buffer.from(bytes).toString("hex")}'`;
}

const rows = (first: number, last: number): string =>
  `with recursive n(i) as (select ${first} union all select i + 1 from n where i < ${last})
   insert into t(id, k, v) select i, 'k' || (i * 7919 % 1000), hex(i * i) || '-' || i from n;`;

/** What a database goes through: each is one transaction, and changes some pages of the former. */
export const TRANSACTIONS: readonly string[] = [
  "create table t(id integer primary key, k text not null, v);",
  rows(1, 300),
  "update t set v = upper(k) || id where id % 5 = 0;",
  "delete from t where id between 100 and 180;",
  `insert into t(id, k, v) values (1000, 'large', ${noise(1, 20_000)});`,
  rows(2000, 4000),
  "create index t_k on t(k);",
  `update t set v = ${noise(2, 9000)} where id in (7, 1000, 3000);`,
  "create table other(a, b, primary key(a, b)) without rowid; insert into other values (1, 0);",
  "delete from t where id > 2500; insert into other select k, max(id) from t group by k;",
];

/** Runs statements on an ordinary database file, and returns what they print. */
export function runSqlite(sqlite: string, path: string, ...commands: readonly string[]): string {
  const input = commands.join("\n");
  return execFileSync(sqlite, ["-batch", "-bail", path], { input, encoding: "utf8" });
}
