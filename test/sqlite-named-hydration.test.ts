import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  type Database,
  type NamedProgress,
  type OpenDatabaseOptions,
  openDatabase,
} from "../adapters/sqlite/index.ts";
import type { ReadOptions } from "../lib/index.ts";
import { rejection } from "./rejection.ts";
import { findSqlite, make, makeFolder, query } from "./sqlite-databases.ts";

const test = suite("hydration by name");

const program = findSqlite();
const folder = makeFolder();

const PAGE = 4096;
const RECIPE = {
  name: "shop",
  settings: `pragma page_size = ${PAGE};`,
  sql: `create table users(id integer primary key, name text, note text);
    create table orders(id integer primary key, user integer, item text);
    create table gone(x);
    create table log(id integer primary key, what text);
    create trigger logged after insert on orders begin
      insert into log(what) values ('order ' || new.id || ' of ' || new.item);
    end;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
    insert into orders select i, i % 700, 'item ' || i from n;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
    insert into users select i, 'user ' || i, replace(hex(zeroblob(case when i % 97 = 0 then 9000
      else 20 end)), '0', 'n') from n;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
    insert into gone select hex(randomblob(300)) from n;
    create index orders_user on orders(user);
    create index users_name on users(name);
    create table shuffled(k text primary key, v) without rowid;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 12000)
    insert into shuffled select printf('%090d', i * 7919 % 12007), i from n;
    create virtual table texts using fts5(body);
    insert into texts select 'words of ' || name from users where id < 2000;
    delete from gone;`,
};

const path = program === undefined ? undefined : make(program, folder, RECIPE);
const original = path === undefined ? new Uint8Array() : new Uint8Array(readFileSync(path));

/** The pages of b-trees, as SQLite itself says. */
function pagesOf(...names: readonly string[]): number[] {
  const list = names.map((name) => `'${name}'`).join(", ");
  const sql = `select pageno from dbstat where name in (${list})`;
  return query<{ pageno: number }>(program ?? "", path ?? "", sql).map(({ pageno }) => pageno);
}

class CountedSource extends MemoryDevice {
  readonly reads: { readonly offset: number; readonly length: number }[] = [];

  override async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    this.reads.push({ offset, length });
    return super.read(offset, length, options);
  }

  get bytes_(): number {
    return this.reads.reduce((sum, { length }) => sum + length, 0);
  }
}

let opened = 0;

interface Opened extends AsyncDisposable {
  readonly db: Database;
  readonly source: CountedSource;
}

async function open(options: OpenDatabaseOptions = {}): Promise<Opened> {
  opened += 1;
  const source = new CountedSource(original.slice(), { identity: "shop" });
  const file = join(folder, `copy-${opened}.db`);
  const db = await openDatabase(source, file, { readAround: 0, regionSize: PAGE, ...options });
  return { db, source, [Symbol.asyncDispose]: () => db.close() };
}

function testWith(name: string, work: () => Promise<void>): void {
  test(name, async () => {
    if (path !== undefined) await work();
  });
}

const isLocal = (db: Database, pgno: number): boolean =>
  db.clone?.hydratedBytesIn((pgno - 1) * PAGE, PAGE) === PAGE;

testWith(
  "a table with its indexes is its pages, those of the schema, and little else",
  async () => {
    await using at = await open({ noHydration: true });
    const { db, source } = at;
    const told: NamedProgress[] = [];
    await db.hydrateTable("users", {
      indexes: true,
      onProgress: (progress) => told.push(progress),
    });
    const wanted = pagesOf("users", "users_name");
    assert.equal(
      wanted.filter((pgno) => !isLocal(db, pgno)),
      [],
    );
    const most = 1.1 * (wanted.length + pagesOf("sqlite_schema").length);
    assert.ok(source.bytes_ / PAGE <= most, `${source.bytes_ / PAGE} pages for ${wanted.length}`);
    const { pages, localPages } = told.at(-1) ?? {};
    assert.equal([pages, localPages], [wanted.length, wanted.length]);

    const { length } = source.reads;
    const row = await db.get("select sum(length(note)) as n from users where name like 'user 9%'");
    assert.ok(Number(row?.n) > 0);
    await db.all("select id from users where name = 'user 17'");
    assert.is(source.reads.length, length, "a query of it waits for nothing");
    const others = pagesOf("orders").filter((pgno) => isLocal(db, pgno));
    assert.ok(others.length < 10, `${others.length} pages of another table are here`);
  },
);

testWith("an index alone, a virtual table, and what there is not", async () => {
  await using at = await open({ noHydration: true });
  const { db, source } = at;
  await db.hydrateIndex("orders_user");
  assert.ok(pagesOf("orders_user").every((pgno) => isLocal(db, pgno)));
  await db.hydrateTable("texts", { indexes: true });
  const shadows = ["content", "data", "docsize", "idx", "config"].map((name) => `texts_${name}`);
  assert.ok(pagesOf(...shadows).every((pgno) => isLocal(db, pgno)));
  const { length } = source.reads;
  await db.get("select user from orders where user = 5 order by user limit 1");
  await db.all("select rowid from texts where body match 'words' limit 5");
  assert.is(source.reads.length, length);
  assert.instance(await rejection(db.hydrateTable("nobody")), RangeError);
  assert.instance(await rejection(db.hydrateIndex("users")), RangeError);
});

testWith("what is named comes first, the highest priority before", async () => {
  const limits = { hydrationThreshold: 4, hydrationBatchSize: 4 };
  await using at = await open({ ...limits, noHydration: true });
  const { db } = at;
  const order: number[] = [];
  db.clone?.on("landed", ({ offset, length, class: by }) => {
    for (let at = offset; at < offset + length && by === "background"; at += PAGE) {
      order.push(at / PAGE + 1);
    }
  });
  await Promise.all([
    db.hydrateTable("orders", { priority: 1 }),
    db.hydrateTable("users", { priority: 2 }),
  ]);
  const last = (name: string): number =>
    Math.max(...pagesOf(name).map((pgno) => order.lastIndexOf(pgno)));
  assert.ok(last("users") < last("orders"));
});

testWith("interior pages come before the rest, and pages that hold nothing after it", async () => {
  await using at = await open({ hydrationThreshold: 8, hydrationBatchSize: 8 });
  const { db } = at;
  const order: number[] = [];
  db.clone?.on("local", ({ offset, length }) => {
    for (let at = offset; at < offset + length; at += PAGE) order.push(at / PAGE + 1);
  });
  await db.ensureLocal();
  const interior = query<{ pageno: number }>(
    program ?? "",
    path ?? "",
    "select pageno from dbstat where pagetype = 'internal'",
  ).map(({ pageno }) => pageno);
  const used = new Set(
    query<{ pageno: number }>(program ?? "", path ?? "", "select pageno from dbstat").map(
      ({ pageno }) => pageno,
    ),
  );
  const places = interior.map((pgno) => order.indexOf(pgno));
  assert.ok(Math.max(...places) < order.length / 3, `interior pages at ${places}`);
  const free = order.filter((pgno) => !used.has(pgno));
  assert.ok(free.length > 100, "the database has pages that hold nothing");
  // All but the trunks of the free list, which are ordinary pages, and the region at the end.
  const lastUsed = Math.max(...[...used].map((pgno) => order.lastIndexOf(pgno)));
  const early = free.filter((pgno) => order.indexOf(pgno) < lastUsed);
  assert.ok(early.length < free.length / 10, `${early.length} of ${free.length} came early`);
});

testWith("who scans a table is read ahead of, though its pages are all over the file", async () => {
  await using at = await open({ noHydration: true });
  const { db, source } = at;
  const leaves = pagesOf("shuffled").length;
  const { n } = (await db.get("select sum(v) as n from shuffled")) ?? {};
  assert.is(n, (12000 * 12001) / 2);
  const { length } = source.reads;
  assert.ok(length < leaves * (2 / 3), `${length} requests for ${leaves} pages`);
});

test.run();
