import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  childrenOf,
  leafPages,
  type PageReader,
  parseBTreePage,
  readSchema,
  Siblings,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { findSqlite, make, makeFolder, openFile } from "./sqlite-databases.ts";
import { makeInterior, makeLayout, makePage } from "./sqlite-pages.ts";
import { recipe } from "./sqlite-recipes.ts";

const test = suite("siblings of SQLite pages");

const folder = makeFolder();

async function leavesOf(reader: PageReader, root: number): Promise<number[]> {
  const leaves: number[] = [];
  for await (const part of leafPages(reader, root)) leaves.push(...part);
  return leaves;
}

async function openDeep(name: string): Promise<{ reader: PageReader; root: number } | undefined> {
  const program = findSqlite();
  if (program === undefined) return undefined;
  const reader = await openFile(make(program, folder, { ...recipe("deep"), name }));
  const [, root = 0] = (await readSchema(reader)).rootPages();
  return { reader, root };
}

test("every leaf knows the leaves beside it, its parent and its root", async () => {
  const deep = await openDeep("all");
  if (deep === undefined) return;
  const { reader, root } = deep;
  const siblings = new Siblings(reader);
  for await (const { page, children } of walkBTrees(reader, [root])) {
    siblings.add(page.pgno, children);
  }
  const leaves = await leavesOf(reader, root);
  const [first = 0] = leaves;
  assert.equal(siblings.after(first, 10_000), { pages: leaves.slice(1), unseen: undefined });
  for (const [index, leaf] of leaves.entries()) {
    const before = leaves.slice(Math.max(0, index - 7), index).reverse();
    assert.equal(siblings.after(leaf, 7).pages, leaves.slice(index + 1, index + 8));
    assert.equal(siblings.before(leaf, 7).pages, before);
    assert.is(siblings.topOf(leaf), root);
  }
  assert.is(siblings.parentOf(root), undefined);
  assert.equal(siblings.after(root, 1), { pages: [], unseen: undefined });
});

/** What SQLite reads in a scan: each page once, a parent before its children. */
async function scan(
  reader: PageReader,
  pgno: number,
  visit: (pgno: number, bytes: Uint8Array) => void,
): Promise<void> {
  const bytes = await reader.read(pgno);
  visit(pgno, bytes);
  const page = parseBTreePage(reader, pgno, bytes);
  const children = page.isLeaf ? [] : childrenOf(reader, page);
  for (const child of children) await scan(reader, child, visit);
}

test("a scan is told from its first two leaves, and goes where was foretold", async () => {
  const deep = await openDeep("scan");
  if (deep === undefined) return;
  const { reader, root } = deep;
  const siblings = new Siblings(reader);
  let foretold: readonly number[] = [];
  let unseen: number | undefined;
  let previous = 0;
  const counts = { leaves: 0, after: 0, known: 0 };
  await scan(reader, root, (pgno, bytes) => {
    if (siblings.see(pgno, bytes)) {
      if (unseen === pgno) counts.known += 1;
      return;
    }
    counts.leaves += 1;
    if (siblings.after(previous, 1).pages[0] === pgno) counts.after += 1;
    if (foretold.length > 0) assert.is(pgno, foretold[0]);
    ({ pages: foretold, unseen } = siblings.after(pgno, 4));
    previous = pgno;
  });
  assert.ok(counts.leaves > 2000, `${counts.leaves} leaves`);
  assert.is(counts.after, counts.leaves - 1);
  assert.ok(counts.known > 300, `${counts.known} interior pages were known to come`);
});

test("of all pages of a database, those that are interior are seen", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const name = "auto-vacuum incremental, with free pages";
  const reader = await openFile(make(program, folder, recipe(name)));
  const siblings = new Siblings(reader);
  const seen: number[] = [];
  for (let pgno = 1; pgno <= reader.pageCount; pgno += 1) {
    if (siblings.see(pgno, await reader.read(pgno))) seen.push(pgno);
  }
  const interior: number[] = [];
  for await (const { page } of walkBTrees(reader, (await readSchema(reader)).rootPages())) {
    if (!page.isLeaf) interior.push(page.pgno);
  }
  assert.ok(interior.length > 20, `${interior.length} interior pages`);
  assert.equal(
    interior.filter((pgno) => !seen.includes(pgno)),
    [],
  );
  assert.ok(seen.length < interior.length + 5, "free pages may look like interior ones, few do");
});

const layout = makeLayout(100_000);

test("what is not seen yet is named, at the level where it is missing", () => {
  const siblings = new Siblings(layout);
  siblings.see(2, makeInterior([3, 4]));
  siblings.see(3, makeInterior([5, 6]));
  siblings.see(5, makeInterior([10, 11]));
  assert.equal(siblings.after(10, 9), { pages: [11], unseen: 6 });
  siblings.see(6, makeInterior([12]));
  assert.equal(siblings.after(10, 9), { pages: [11], unseen: 6 }, "an interior page has cells");
  siblings.see(6, makeInterior([12, 13]));
  assert.equal(siblings.after(10, 9), { pages: [11, 12, 13], unseen: 4 });
  siblings.see(4, makeInterior([7, 8]));
  assert.equal(siblings.after(10, 9), { pages: [11, 12, 13], unseen: 7 });
  assert.equal(siblings.before(12, 9), { pages: [11, 10], unseen: undefined });
  siblings.see(7, makeInterior([14, 15]));
  assert.equal(siblings.after(13, 1), { pages: [14], unseen: undefined });
  assert.equal(siblings.before(14, 2), { pages: [13, 12], unseen: undefined });
});

test("a page that changes is what it was seen to be last", () => {
  const siblings = new Siblings(layout);
  siblings.see(2, makeInterior([10, 11, 12]));
  siblings.see(3, makeInterior([12, 13]));
  assert.is(siblings.parentOf(12), 3, "who has it was seen last");
  assert.is(siblings.parentOf(11), 2);
  siblings.see(2, makeInterior([10, 11]));
  assert.is(siblings.parentOf(12), 3);
  assert.is(siblings.childCount, 4);
  siblings.see(3, makePage({}));
  assert.is(siblings.parentOf(12), undefined);
  siblings.see(2, makeInterior([10, 100_001]));
  assert.is(siblings.parentOf(10), undefined, "a page that cannot be is no interior page");
  assert.is(siblings.childCount, 0);
});

test("no more is remembered than allowed, and what is of use stays", () => {
  const siblings = new Siblings(layout, { maxChildren: 1000 });
  const children = (first: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => first + index);
  siblings.see(2, makeInterior(children(3, 2)));
  siblings.see(3, makeInterior(children(10, 50)));
  for (let parent = 1000; parent < 2000; parent += 1) {
    siblings.see(parent, makeInterior(children(parent * 50, 50)));
    assert.ok(siblings.childCount <= 1000, `${siblings.childCount} children`);
    assert.equal(siblings.after(10, 2).pages, [11, 12]);
    assert.is(siblings.parentOf(parent * 50), parent);
  }
  assert.is(siblings.parentOf(1000 * 50), undefined, "of no use for longest");
  assert.is(siblings.topOf(10), 2, "what is above it is of use too");
  assert.throws(() => new Siblings(layout, { maxChildren: 0 }), /maxChildren is 0/);
});

test("pages that name one another in circles lead nowhere", () => {
  const siblings = new Siblings(layout);
  siblings.see(2, makeInterior([3, 4]));
  siblings.see(3, makeInterior([5, 2]));
  siblings.see(4, makeInterior([4, 6]));
  siblings.see(7, makeInterior([7, 7]));
  for (const pgno of [2, 3, 4, 5, 6, 7]) {
    assert.ok(siblings.after(pgno, 50).pages.length <= 50);
    assert.ok(siblings.before(pgno, 50).pages.length <= 50);
    assert.ok(siblings.topOf(pgno) < 10);
  }
  assert.is(siblings.childCount, 8);
  siblings.add(20, Uint32Array.of(21, 22, 22));
  siblings.add(21, Uint32Array.of(30));
  siblings.add(22, new Uint32Array());
  assert.equal(siblings.after(30, 9), { pages: [], unseen: 22 });
});

test.run();
