import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalPages } from "../adapters/sqlite/between/local-pages.ts";
import {
  childrenOf,
  leafPages,
  type PageReader,
  parseBTreePage,
  readSchema,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { Scans } from "../adapters/sqlite/scans.ts";
import { findSqlite, make, makeFolder, openFile } from "./sqlite-databases.ts";
import { numbers } from "./sqlite-recipes.ts";

const test = suite("scans of SQLite pages");

const folder = makeFolder();
const program = findSqlite();
const SIZE = 1024;
/** A table whose pages are all over the file. */
const SHUFFLED = `create table t(k text primary key) without rowid;
  ${numbers(30000)} insert into t select printf('%090d', i * 7919 % 30011) from n;`;
/** As far apart as a connection says where it is. */
const TOLD_SIZE: number = 128 * 2 ** 10;

/** One who reads pages as a connection does, and has what it is told to come at once. */
class Visitor {
  readonly reader: PageReader;
  readonly local: LocalPages;
  readonly scans: Scans;
  missed = 0;
  fetched = 0;
  readonly #size: number;
  #untold = 0;

  constructor(reader: PageReader) {
    this.reader = reader;
    this.#size = reader.header.pageSize;
    this.local = new LocalPages(this.#size, reader.pageCount);
    this.scans = new Scans(reader);
  }

  async visit(pgno: number): Promise<Uint8Array> {
    const size = this.#size;
    const bytes = await this.reader.read(pgno);
    const at = { offset: (pgno - 1) * size, length: size, run: { end: 0, length: 0 } };
    const isMissed = !this.local.has(at.offset, size);
    this.#untold += size;
    const isTold = this.#untold >= TOLD_SIZE || [2, 5].includes(bytes[0] ?? 0);
    if (isMissed || isTold) {
      this.#untold = 0;
      for (const { offset, length } of this.scans.at({ ...at, bytes }, this.local)) {
        this.local.add(offset, length);
        this.fetched += length / size;
      }
      // What it looks at itself has come before the next page is read.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (isMissed) this.missed += 1;
    this.local.add(at.offset, size);
    return bytes;
  }

  async scan(pgno: number, between?: (pgno: number) => Promise<void>): Promise<void> {
    const bytes = await this.visit(pgno);
    const page = parseBTreePage(this.reader, pgno, bytes);
    if (page.isLeaf) return between?.(pgno);
    for (const child of childrenOf(this.reader, page)) await this.scan(child, between);
  }
}

interface Opened {
  readonly visitor: Visitor;
  readonly roots: readonly number[];
  leaves(root: number): Promise<number[]>;
}

async function open(name: string, more = ""): Promise<Opened | undefined> {
  if (program === undefined) return undefined;
  const settings = `pragma page_size = ${SIZE};`;
  const reader = await openFile(make(program, folder, { name, settings, sql: SHUFFLED + more }));
  const [, ...roots] = (await readSchema(reader)).rootPages();
  const leaves = async (root: number): Promise<number[]> => {
    const all: number[] = [];
    for await (const part of leafPages(reader, root)) all.push(...part);
    return all;
  };
  return { visitor: new Visitor(reader), roots, leaves };
}

test("the leaves of a b-tree come before they are read, wherever they lie", async () => {
  const opened = await open("shuffled");
  if (opened === undefined) return;
  const { visitor, roots, leaves } = opened;
  const [root = 0] = roots;
  const count = (await leaves(root)).length;
  assert.ok(count > 2000);
  await visitor.scan(root);
  // Interior pages above the first leaves, and the leaves until it is known that they are scanned.
  assert.ok(visitor.missed < 30 + count / 50, `${visitor.missed} of ${count} pages were missed`);
});

test("who looks up here and there has nothing fetched", async () => {
  const opened = await open("looked up");
  if (opened === undefined) return;
  const { visitor, roots, leaves } = opened;
  const [root = 0] = roots;
  const all = await leaves(root);
  for await (const { page, children } of walkBTrees(visitor.reader, [root])) {
    visitor.scans.siblings.add(page.pgno, children);
  }
  for (let index = 0; index < 300; index += 1) {
    // From one end to the other: never near the last one.
    const side = index % 2 === 0 ? index * 3 : all.length - 1 - index * 3;
    await visitor.visit(all[side] ?? 0);
  }
  assert.is(visitor.fetched, 0);
});

test("a scan goes on while another b-tree is looked into after each leaf", async () => {
  const opened = await open(
    "joined",
    `create table other(k text primary key) without rowid;
     ${numbers(12000)} insert into other select printf('%090d', i * 7919 % 12007) from n;`,
  );
  if (opened === undefined) return;
  const { visitor, roots, leaves } = opened;
  const [one = 0, other = 0] = roots;
  const count = (await leaves(one)).length;
  const others = await leaves(other);
  let missed = 0;
  await visitor.scan(one, async (leaf) => {
    const before = visitor.missed;
    await visitor.visit(others[(leaf * 7919) % others.length] ?? 0);
    missed += visitor.missed - before;
  });
  const own = visitor.missed - missed;
  assert.ok(own < 30 + count / 50, `${own} of ${count} pages were missed`);
});

test("who reads the file from end to end is read ahead of, past pages elsewhere", async () => {
  const opened = await open("in the file's order");
  if (opened === undefined) return;
  const { visitor } = opened;
  const { scans, local } = visitor;
  let missed = 0;
  for (let offset = 0; offset < 2 ** 20; offset += SIZE) {
    if (local.has(offset, SIZE)) continue;
    missed += 1;
    const run = { end: offset + SIZE, length: offset + SIZE };
    const [part] = scans.at({ offset, length: SIZE, run }, local);
    if (part !== undefined) local.add(part.offset, Math.min(part.length, 2 ** 20 - part.offset));
    local.add(offset, SIZE);
  }
  assert.ok(missed > 0 && missed < 80, `${missed} pages were missed`);
});

test.run();
