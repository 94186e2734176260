import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../simulation/random.ts";
import { numbers } from "../../sqlite-recipes.ts";
import type { Native } from "../native.ts";

/** How a database lies in its file, whatever is in it. */
export interface Layout {
  readonly pageSize: number;
  readonly autoVacuum: "none" | "full" | "incremental";
  readonly journalMode: "delete" | "wal";
  /** Whether much was deleted, so that there are free pages, and rows in no order of the file. */
  readonly isOld: boolean;
}

const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

export function anyLayout(random: Random): Layout {
  return {
    pageSize: random.pick(PAGE_SIZES),
    autoVacuum: random.pick(["none", "none", "full", "incremental"] as const),
    journalMode: random.chance(0.2) ? "wal" : "delete",
    isOld: random.chance(0.6),
  };
}

/** Rows of `item` with ids from 1 on. */
export const ITEMS = 600;
/** Rows of `large`, the last of which are of hundreds of kilobytes. */
export const LARGES = 16;

const TABLES = `
  create table item(
    id integer primary key, kind text collate nocase, n integer, r real, note text, body blob,
    twice integer generated always as (n * 2) stored, label text as (kind || '-' || n) virtual
  );
  create table part(
    item integer not null references item(id) on delete cascade on update cascade,
    place integer, name text, weight integer check (weight < 100000), primary key (item, place)
  ) without rowid;
  create table large(id integer primary key, t text, body blob);
  create table log(id integer primary key autoincrement, what text, item integer);
  create table ticks(n integer not null);
  create table lone(a, b text unique, c);
  create virtual table words using fts5(title, body);
  create view busy(id, kind, parts, weight) as
    select i.id, i.kind, count(p.place), sum(p.weight) from item i
    left join part p on p.item = i.id group by i.id;`;

const ROWS = `
  ${numbers(ITEMS)} insert into item(id, kind, n, r, note, body)
    select i, char(97 + i * 7 % 11, 65 + i % 3), i * 7919 % 211 - 20, (i * 37 % 512) / 8.0,
      iif(i % 7, printf('note %d of %.*c', i, i * 31 % 90, 'x'), null), zeroblob(i * 13 % 70)
    from n;
  ${numbers(ITEMS * 2)} insert into part
    select 1 + i * 17 % ${ITEMS}, i / 10, printf('part %d', i * 7919 % 997), i * 31 % 1000 from n;
  ${numbers(LARGES)} insert into large
    select i, printf('%.*c%d', i * i * 50, 'l', i), zeroblob(i * i * i * 90 % 250007) from n;
  ${numbers(80)} insert into words(title, body)
    select printf('title%d', i % 13), printf('word%d other%d and word%d', i, i % 9, i % 17) from n;
  ${numbers(90)} insert into lone select i * 7919 % 97, 'b' || i, i % 5 from n;
  insert into ticks values (0);`;

/** They come after the rows, which they would log. */
const REST = `
  create index item_kind on item(kind, n desc);
  create index item_label on item(label);
  create index item_some on item(n, id) where n > 100;
  create index item_sum on item(n + id);
  create index part_name on part(name);
  create trigger item_deleted after delete on item begin
    insert into log(what, item) values ('deleted ' || old.kind, old.id);
  end;
  create trigger item_noted after update of note on item when new.note is not old.note begin
    insert into log(what, item) values ('noted', new.id);
    update item set n = n + 1 where id = new.id and n < 150;
  end;
  create trigger busy_made instead of insert on busy begin
    insert into item(id, kind, n) values (new.id, new.kind, new.weight);
  end;`;

const AGEING = `
  create table gone as select * from item;
  drop table gone;
  delete from item where id % 5 = 3;
  delete from large where id % 4 = 1;
  update item set note = note || ' again' where id % 4 = 0;
  analyze;`;

export interface Original {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Databases of each layout, made when they are first asked for. */
export class Originals {
  readonly #native: Native;
  readonly #folder: string;
  readonly #made = new Map<string, Original>();

  constructor(native: Native, folder: string) {
    this.#native = native;
    this.#folder = folder;
  }

  of(layout: Layout): Original {
    const name = `original-${Object.values(layout).join("-")}.db`;
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const path = join(this.#folder, name);
    this.#make(path, layout);
    const original = { path, bytes: new Uint8Array(readFileSync(path)) };
    this.#made.set(name, original);
    return original;
  }

  #make(path: string, { pageSize, autoVacuum, journalMode, isOld }: Layout): void {
    const database = new this.#native(path);
    database.exec(`
      pragma page_size = ${pageSize}; pragma auto_vacuum = ${autoVacuum};
      pragma journal_mode = ${journalMode}; pragma synchronous = off; pragma foreign_keys = on;
      begin; ${TABLES} ${ROWS} ${REST} ${isOld ? AGEING : ""} commit;`);
    database.close(); // which moves what is in a log into the file
  }
}
