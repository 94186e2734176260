import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  freelist,
  leafPages,
  lockPage,
  type OverflowHead,
  overflowHeads,
  overflowPages,
  PageSet,
  parseBTreePage,
  pointerMapPages,
  readSchema,
  type WalkedPage,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import {
  type CountingReader,
  findProj,
  findSqlite,
  make,
  makeFolder,
  openFile,
  query,
  run,
} from "./sqlite-databases.ts";
import { RECIPES } from "./sqlite-recipes.ts";

const test = suite("pages of SQLite databases");

/** One page, as SQLite itself describes it. */
interface Stat {
  readonly name: string;
  readonly path: string;
  readonly pageno: number;
  readonly pagetype: "internal" | "leaf" | "overflow";
}

/** What SQLite says of each b-tree. A path orders the pages of a level by their keys. */
class Truth {
  readonly #byRoot = new Map<number, Stat[]>();

  constructor(program: string, file: string) {
    const sql = "select name, path, pageno, pagetype from dbstat order by name, path";
    let root = 0;
    for (const stat of query<Stat>(program, file, sql)) {
      if (stat.path === "/") root = stat.pageno;
      this.#byRoot.set(root, this.#byRoot.get(root) ?? []);
      this.#byRoot.get(root)?.push(stat);
    }
  }

  get roots(): number[] {
    return [...this.#byRoot.keys()];
  }

  pages(root: number, type: Stat["pagetype"]): number[] {
    const stats = this.#byRoot.get(root) ?? [];
    return stats.filter(({ pagetype }) => pagetype === type).map(({ pageno }) => pageno);
  }
}

const ascending = (pages: Iterable<number>): number[] => [...pages].sort((a, b) => a - b);

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Each b-tree alone: its pages, in order, with as many reads as interior pages, and one more. */
async function compareTree(reader: CountingReader, root: number, truth: Truth): Promise<void> {
  reader.reads.length = 0;
  const walked = await collect(walkBTrees(reader, [root]));
  const interior = walked.filter(({ page }) => !page.isLeaf).map(({ page }) => page.pgno);
  assert.equal(ascending(interior), ascending(truth.pages(root, "internal")), `root ${root}`);
  assert.is(reader.reads.length, interior.length + 1);
  assert.is(new Set(reader.reads).size, reader.reads.length, "a page was read twice");

  reader.reads.length = 0;
  const leaves = (await collect(leafPages(reader, root))).flatMap((part) => [...part]);
  assert.equal(leaves, truth.pages(root, "leaf"), `leaves of root ${root}, in order`);
  assert.is(reader.reads.length, interior.length + 1);
}

/** The heads of what a b-tree has in overflow pages, which its pages have to be read for. */
async function headsOf(
  reader: CountingReader,
  walked: readonly WalkedPage[],
): Promise<OverflowHead[]> {
  const heads = walked.flatMap(({ page }) => overflowHeads(reader, page));
  for (const { children, childrenAreLeaves } of walked) {
    for (const pgno of childrenAreLeaves ? children : []) {
      heads.push(...overflowHeads(reader, parseBTreePage(reader, pgno, await reader.read(pgno))));
    }
  }
  return heads;
}

/** All b-trees together: every page of the database is one thing. Returns what was found. */
async function compareAll(reader: CountingReader, truth: Truth): Promise<Record<string, number>> {
  const roots = (await readSchema(reader)).rootPages();
  assert.equal(ascending(roots), ascending(truth.roots));
  reader.reads.length = 0;
  const seen = new PageSet();
  const walked = await collect(walkBTrees(reader, roots, { seen }));
  const interior = walked.filter(({ page }) => !page.isLeaf);
  const trees = new Set(interior.map(({ root }) => root)).size;
  assert.is(reader.reads.length, walked.length + trees, "the interior pages, and a leaf of each");

  let overflow = 0;
  for (const root of roots) {
    const pages = walked.filter((walkedPage) => walkedPage.root === root);
    const heads = await headsOf(reader, pages);
    reader.reads.length = 0;
    const chained = await collect(overflowPages(reader, heads, { seen }));
    const found = chained.map(({ pgno }) => pgno);
    assert.equal(ascending(found), ascending(truth.pages(root, "overflow")), `root ${root}`);
    assert.is(reader.reads.length, found.length - heads.length, "the last of each is not read");
    const whole = await collect(overflowPages(reader, heads, { whole: true }));
    assert.equal(ascending(whole.map(({ pgno }) => pgno)), ascending(found));
    overflow += found.length;
  }
  const trunks = await collect(freelist(reader, { seen }));
  const free = trunks.reduce((sum, { leaves }) => sum + 1 + leaves.length, 0);
  const others = [...pointerMapPages(reader)];
  if (lockPage(reader) <= reader.pageCount) others.push(lockPage(reader));
  for (const pgno of others) assert.ok(seen.add(pgno), `page ${pgno} is two things`);
  assert.is(seen.size, reader.pageCount, "some pages are nothing");
  return { interior: interior.length, overflow, free, others: others.length };
}

async function compare(program: string, file: string): Promise<Record<string, number>> {
  const reader = await openFile(file);
  const truth = new Truth(program, file);
  for (const root of truth.roots) await compareTree(reader, root, truth);
  const found = await compareAll(reader, truth);
  const [{ freelist_count: free = -1 } = {}] = query<Record<string, number>>(
    program,
    file,
    "pragma freelist_count",
  );
  assert.is(found.free, free);
  assert.match(run(program, file, "pragma integrity_check"), '"ok"');
  return found;
}

const folder = makeFolder();

/** What a recipe is for, so that none quietly becomes a database without it. */
const HAS: Readonly<Record<string, readonly string[]>> = {
  "of one page": [],
  "auto-vacuum incremental, with free pages": ["interior", "overflow", "free", "others"],
  "auto-vacuum full, with free pages": ["interior", "overflow", "others"],
  "free pages": ["interior", "overflow", "free"],
  "many tables": ["interior", "overflow"],
  deep: ["interior"],
};

for (const recipe of RECIPES) {
  test(`each page is what SQLite says it is: ${recipe.name}`, async () => {
    const program = findSqlite();
    if (program === undefined) return;
    const found = await compare(program, make(program, folder, recipe));
    for (const what of HAS[recipe.name] ?? ["interior", "overflow"]) {
      assert.ok((found[what] ?? 0) > 0, `no ${what} pages`);
    }
  });
}

test("each page is what SQLite says it is: a database of the world", async () => {
  const program = findSqlite();
  const file = findProj();
  if (program === undefined || file === undefined) return;
  const found = await compare(program, file);
  assert.ok((found.interior ?? 0) > 50, `${found.interior} interior pages`);
});

test.run();
