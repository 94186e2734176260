import type { SqlParameter } from "../../../adapters/sqlite/index.ts";
import type { Random } from "../../simulation/random.ts";
import type { SqlStep } from "../step.ts";
import { condition, Draft, scalar } from "./conditions.ts";
import { LARGES } from "./originals.ts";

/** The text of a change, whose parameters are in its draft. */
type Kind = (draft: Draft) => string;

const VERBS = ["insert", "insert", "insert or ignore", "insert or replace", "insert or fail"];
const UPSERTS = [
  "",
  "on conflict do nothing",
  "on conflict(id) do update set n = excluded.n, note = note || '+'",
  "on conflict(id) do update set id = id + 1000 where n > 5",
];

/** Of every type, at times one that a column does not expect. */
function anyValue({ random }: Draft): SqlParameter {
  return random.pick<SqlParameter>([
    null,
    BigInt(random.between(-50, 300)),
    BigInt(random.between(1, 9)) * 10n ** BigInt(random.below(19)),
    random.between(-900, 900) / 8,
    `text ${random.below(50)} ä€😀`.repeat(random.pick([1, 1, 1, 40])),
    random.chance(0.5),
    // No byte of more than 127: of texts that are no UTF-8, SQLite 3.53 and 3.54 count otherwise.
    new Uint8Array(random.pick([0, 3, 700, 6000])).fill(random.below(128)),
  ]);
}

const insertItem: Kind = (draft) => {
  const { random } = draft;
  const row = (): string =>
    `(${random.chance(0.6) ? "null" : draft.id()}, ${draft.kind()}, ${draft.integer()},
      ${draft.bound(anyValue(draft))}, ${draft.bound(anyValue(draft))})`;
  const rows = Array.from({ length: random.between(1, 4) }, row);
  const verb = random.pick(VERBS);
  const upsert = verb === "insert" ? random.pick(UPSERTS) : "";
  return `${verb} into item(id, kind, n, note, body) values ${rows.join(", ")} ${upsert}`;
};

const copyItems: Kind = (draft) => `insert into item(kind, n, r, note, body)
  select kind, n, r, ${scalar(draft.random)}, body from item where ${condition(draft)}
  order by id limit ${draft.random.between(1, 30)}`;

const updateItem: Kind = (draft) => {
  const { random } = draft;
  const change = random.pick([
    () => `n = n + ${draft.integer()}`,
    () => `kind = ${draft.kind()}`,
    () => `note = ${draft.bound(anyValue(draft))}`,
    () => `note = ${scalar(random)}, r = r + 0.125`,
    () => `body = ${draft.bound(anyValue(draft))}`,
    () => `id = id + ${random.pick([1, 700, 5000])}`,
    () => `n = (select sum(weight) % 200 from part p where p.item = item.id)`,
  ])();
  return `update item set ${change} where ${condition(draft, "", 1)} and
    id between ${draft.id()} and ${draft.id()}`;
};

const updateFrom: Kind = (draft) => `update item set n = p.weight % 200 from part p
  where p.item = item.id and p.place = ${draft.integer()} and item.n < ${draft.integer()}`;

const deleteItems: Kind = (draft) => {
  const sql = `delete from item where ${condition(draft, "", 1)}`;
  return draft.random.chance(0.1) ? sql : `${sql} and id between ${draft.id()} and ${draft.id()}`;
};

const insertPart: Kind = (draft) => {
  const { random } = draft;
  return `${random.pick(VERBS)} into part values (${draft.id()}, ${draft.integer()},
    ${draft.bound(anyValue(draft))}, ${draft.integer()} * ${random.pick([1, 2, 900])})`;
};

const changePart: Kind = (draft) =>
  draft.random.pick([
    () => `update part set weight = weight + ${draft.integer()} where item = ${draft.id()}`,
    () => `update part set place = place + 300 where weight % 50 = ${draft.random.below(50)}`,
    () => `update part set name = name || ${draft.kind()} where item > ${draft.id()} and place < 9`,
    () => `delete from part where weight < ${draft.integer()} and item < ${draft.id()}`,
  ])();

const changeLarge: Kind = (draft) => {
  const { random } = draft;
  const id = random.between(1, LARGES + 2);
  const size = Math.floor(random.magnitude(10, 90_000));
  return random.pick([
    () => `delete from large where id = ${id}`,
    () => `insert or replace into large values (${id}, null, zeroblob(${size}))`,
    () => `insert into large(t, body) values (printf('%.*c', ${size}, 'n'),
      ${draft.bound(new Uint8Array(size).fill(size % 128))})`,
    () => `update large set t = substr(t, ${random.below(4000)}) || '!' where id = ${id}`,
    () => `update large set body = t, t = null where id = ${id}`,
  ])();
};

const changeWords: Kind = (draft) => {
  const { random } = draft;
  const rowid = random.between(1, 100);
  return random.pick([
    () =>
      `insert into words(title, body) values (${draft.kind()}, ${draft.bound(`word${rowid} is`)})`,
    () => `delete from words where rowid = ${rowid}`,
    () => `update words set body = body || ' word${random.below(20)}' where rowid = ${rowid}`,
    () => "insert into words(words) values ('optimize')",
    () => "insert into words(words, rank) values ('merge', 40)",
  ])();
};

const changeView: Kind = (draft) => {
  const id = draft.random.chance(0.2) ? draft.id() : "null";
  return `insert into busy(id, kind, weight) values (${id}, ${draft.kind()}, ${draft.integer()})`;
};

const changeLone: Kind = (draft) =>
  draft.random.pick([
    () => `insert or replace into lone values (${draft.bound(anyValue(draft))},
      'b' || ${draft.integer()}, 7)`,
    () => `delete from lone where a between ${draft.integer()} and ${draft.integer()}`,
    () => `update lone set c = a, a = c where c < ${draft.integer()}`,
  ])();

const EXTRAS = ["extra_1", "extra_2"];

/** What most often cannot be done, since such a thing is not there, or is there already. */
const define: Kind = ({ random }) => {
  const name = random.pick(EXTRAS);
  return random.pick([
    `create table ${name} as select id, kind, note from item where id < ${random.below(300)}`,
    `create table ${name}(id integer primary key, kind text unique, note) strict`,
    `drop table ${name}`,
    `drop table if exists ${name}`,
    `alter table ${name} add column more integer default ${random.below(9)}`,
    `alter table ${name} rename column note to remark`,
    `insert into ${name} select id, kind, note from item where id % 9 = 1 order by id`,
    `create index ${name}_kind on ${name}(kind)`,
    `create index item_more on item(r, note)`,
    "drop index if exists item_more",
    "drop index part_name",
    "create index part_name on part(name)",
    `create view ${name} as select * from part`,
    `reindex ${random.pick(["item", "part_name", "nocase"])}`,
    "analyze",
    "delete from log where id < 100",
    `delete from log where id % ${random.between(1, 4)} = 0`,
  ]);
};

const KINDS: readonly Kind[] = [
  ...[insertItem, insertItem, insertItem, copyItems, updateItem, updateItem, updateItem],
  ...[updateFrom, deleteItems, insertPart, insertPart, changePart, changePart, changeLarge],
  ...[changeWords, changeWords, changeView, changeLone, define],
];

/** One that changes something, or fails in doing so. */
export function randomWrite(random: Random): SqlStep {
  const draft = new Draft(random);
  const kind = random.pick(KINDS);
  const sql = kind(draft);
  const canReturn = kind === insertItem || kind === updateItem || kind === deleteItems;
  const step = { sql, parameters: draft.parameters };
  if (canReturn && random.chance(0.3)) return { ...step, sql: `${sql} returning id, n, label` };
  return { ...step, how: "run" };
}

/** What is done outside of transactions, and changes where things lie and nothing else. */
export function randomUpkeep(random: Random): SqlStep {
  const sql = random.pick([
    ...["vacuum", "pragma incremental_vacuum(5)", "pragma incremental_vacuum", "pragma optimize"],
    ...["pragma cache_size = 10", "pragma cache_size = -2000", "pragma shrink_memory"],
    ...["pragma journal_mode = delete", "pragma journal_mode = truncate"],
    ...["pragma journal_mode = persist", "pragma journal_mode = memory"],
    ...["pragma secure_delete = on", "pragma secure_delete = off"],
    ...["pragma foreign_keys = on", "pragma recursive_triggers = on"],
  ]);
  return { sql, how: "exec" };
}
