import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  freelist,
  type OverflowHead,
  openPageReader,
  overflowHeads,
  overflowPages,
  type PageReader,
  PageSet,
  parseBTreePage,
  readSchema,
  Siblings,
  type WalkedPage,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { isHeadwaterError } from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import {
  counting,
  findSqlite,
  make,
  makeFolder,
  memoryBlob,
  openFile,
  query,
  type Recipe,
} from "./sqlite-databases.ts";
import { FREEING, numbers, ordinaryTables, variousTables } from "./sqlite-recipes.ts";

const test = suite("SQLite fuzz");

/** `FUZZ_FILES=100000 TEST_TIMEOUT_MS=3600000 npm test -- sqlite-fuzz` takes more of them. */
const { FUZZ_FILES = "4000", FUZZ_SEED = "1" } = process.env;
/** How many of them SQLite is asked about. */
const ASKED = Math.min(200, Number(FUZZ_FILES));

const below = randomFrom(Number(FUZZ_SEED));
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

const SMALL: readonly Recipe[] = [
  { name: "ordinary", settings: "pragma page_size = 512;", sql: ordinaryTables(400) + FREEING },
  {
    name: "vacuumed",
    settings: "pragma page_size = 512; pragma auto_vacuum = incremental;",
    sql: variousTables(400) + FREEING,
  },
  {
    name: "wide",
    settings: "pragma page_size = 512; pragma encoding = 'UTF-16le';",
    sql: `${variousTables(200)}${FREEING}`,
  },
  {
    name: "deep",
    settings: "pragma page_size = 512;",
    sql: `create table t(k text primary key) without rowid;
      ${numbers(900)} insert into t select printf('%0*d', 60 + i % 60, i * 7919 % 12007) from n;`,
  },
];

interface Original {
  readonly recipe: Recipe;
  readonly bytes: Uint8Array;
  readonly pageCount: number;
  readonly roots: readonly number[];
  /** The pages that name others: those that are worth changing. */
  readonly naming: readonly number[];
}

async function original(program: string, folder: string, recipe: Recipe): Promise<Original> {
  const file = make(program, folder, recipe);
  const reader = await openFile(file);
  const roots = (await readSchema(reader)).rootPages();
  const naming: number[] = [1, 1];
  for await (const { page, children, childrenAreLeaves } of walkBTrees(reader, roots)) {
    naming.push(page.pgno);
    if (childrenAreLeaves) naming.push(...children.slice(0, 2));
  }
  for await (const { pgno } of freelist(reader)) naming.push(pgno, pgno);
  return {
    recipe,
    bytes: Uint8Array.from(readFileSync(file)),
    pageCount: reader.pageCount,
    roots,
    naming,
  };
}

const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One change of the kinds that disks, networks and enemies make, in place. */
function change(bytes: Uint8Array, { pageCount, naming }: Original): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const page = (below(8) === 0 ? below(pageCount) : pick(naming) - 1) * 512;
  // Headers and cell pointers are at the beginning, cells anywhere.
  const at = page + pick([below(100), below(24), below(508), 8]);
  const other = pick(naming);
  const kind = below(9);
  if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
  else if (kind === 1) bytes[at] = pick(NUMBERS) & 255;
  else if (kind === 2) view.setUint16(at, below(512));
  else if (kind === 3) view.setUint32(at, pick(NUMBERS));
  else if (kind <= 5) view.setUint32(at, below(pageCount + 2));
  else if (kind === 6) bytes.copyWithin(page, (other - 1) * 512, other * 512);
  else if (kind === 7) bytes.copyWithin(at, page + below(512), page + 512);
  else view.setUint32(page + 508 - 5 * below(20), below(pageCount + 2));
}

/** What it comes to, or undefined where it is `CORRUPT`; nothing else may come. */
async function attempt<Result>(
  reader: { readonly reads: number[]; readonly pageCount: number },
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  reader.reads.length = 0;
  try {
    return await work();
  } catch (error) {
    if (!isHeadwaterError(error, "CORRUPT")) throw error;
    assert.type(error.offset, "number");
    return undefined;
  } finally {
    const most = reader.pageCount + 1;
    assert.ok(reader.reads.length <= most, `${reader.reads.length} reads of ${most - 1} pages`);
  }
}

async function headsOf(reader: PageReader, walked: readonly WalkedPage[]): Promise<OverflowHead[]> {
  const heads: OverflowHead[] = [];
  for (const { page, children, childrenAreLeaves } of walked) {
    heads.push(...overflowHeads(reader, page));
    for (const pgno of childrenAreLeaves ? children : []) {
      heads.push(...overflowHeads(reader, parseBTreePage(reader, pgno, await reader.read(pgno))));
    }
  }
  return heads;
}

/** Everything there is to know of a database. Returns whether all of it is sound. */
async function examine(bytes: Uint8Array, roots: readonly number[]): Promise<boolean> {
  const unopened = { reads: [], pageCount: bytes.length / 512 };
  const opened = await attempt(unopened, () => openPageReader(memoryBlob(bytes)));
  if (opened === undefined) return false;
  const reader = counting(opened);
  const schema = await attempt(reader, () => readSchema(reader));
  const seen = new PageSet();
  const walked = await attempt(reader, async () => {
    const pages: WalkedPage[] = [];
    const found = schema?.rootPages() ?? roots;
    for await (const page of walkBTrees(reader, found, { seen })) pages.push(page);
    return pages;
  });
  const heads = await attempt(reader, () => headsOf(reader, walked ?? []));
  const chained = await attempt(reader, async () => {
    for await (const _ of overflowPages(reader, heads ?? [], { seen, whole: true }));
    return true;
  });
  const listed = await attempt(reader, async () => {
    for await (const _ of freelist(reader, { seen }));
    return true;
  });
  assert.ok(seen.size <= reader.pageCount, `${seen.size} of ${reader.pageCount} pages`);

  const siblings = new Siblings(reader, { maxChildren: 200 });
  for (let pgno = 1; pgno <= reader.pageCount; pgno += 1) {
    siblings.see(pgno, await opened.read(pgno));
    assert.ok(siblings.after(1 + below(reader.pageCount), 20).pages.length <= 20);
    assert.ok(siblings.before(1 + below(reader.pageCount), 20).pages.length <= 20);
  }
  return [schema, walked, heads, chained, listed].every((found) => found !== undefined);
}

test("a changed database is read or found corrupt, and ends either way", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const folder = makeFolder();
  const all: Original[] = [];
  for (const recipe of SMALL) all.push(await original(program, folder, recipe));
  const file = join(folder, "asked.db");
  const counts = { sound: 0, asked: 0 };
  for (let round = 0; round < Number(FUZZ_FILES); round += 1) {
    const base = pick(all);
    const bytes = base.bytes.slice();
    for (let changes = 1 + below(3); changes > 0; changes -= 1) change(bytes, base);
    try {
      const isSound = await examine(bytes, base.roots);
      if (isSound) counts.sound += 1;
      // SQLite checks less, and not the freelist, where there may be a view or a virtual table.
      const isAsked = counts.asked < ASKED && !/virtual/.test(base.recipe.sql);
      if (isSound || !isAsked) continue;
      writeFileSync(file, bytes);
      assert.not(isOk(program, file), "what is found corrupt is sound to SQLite");
      counts.asked += 1;
    } catch (error) {
      throw new Error(`FUZZ_SEED=${FUZZ_SEED}, file ${round}: ${error}`, { cause: error });
    }
  }
  assert.ok(counts.sound * 2 < Number(FUZZ_FILES), `${counts.sound} found sound`);
  assert.ok(counts.sound * 30 > Number(FUZZ_FILES), `${counts.sound} found sound`);
});

/** Whether SQLite finds nothing wrong. At the types of the schema's rows it does not look. */
function isOk(program: string, file: string): boolean {
  const sql = `select integrity_check as found, (select count(*) from sqlite_schema
    where type not in ('table', 'index', 'view', 'trigger')) as odd from pragma_integrity_check`;
  try {
    const [row] = query<{ found: string; odd: number }>(program, file, sql);
    return row?.found === "ok" && row.odd === 0;
  } catch {
    return false;
  }
}

test("the databases are sound before they are changed", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const folder = makeFolder();
  for (const recipe of SMALL) {
    const { bytes, roots, pageCount } = await original(program, folder, recipe);
    assert.ok(await examine(bytes, roots), recipe.name);
    assert.ok(pageCount < 900, `${recipe.name}: ${pageCount} pages`);
  }
});

test.run();
