import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  childrenOf,
  freelist,
  overflowHeads,
  overflowPages,
  PageSet,
  parseBTreePage,
  readSchema,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { isCorrupt, rejects } from "./sqlite-corrupt.ts";
import { makeInterior, makeLayout, makePage, makeReader } from "./sqlite-pages.ts";

const test = suite("corrupt SQLite databases");

const LAYOUT = makeLayout(1000);
const AT_7 = 6 * 512;

/** A page of zeros but for some numbers of four bytes. */
function numbersAt(numbers: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  for (const [at, number] of Object.entries(numbers)) view.setUint32(Number(at), number);
  return bytes;
}

test("a page that is no sound page of a b-tree says where", () => {
  const cases: readonly (readonly [RegExp, number, (view: DataView) => void])[] = [
    [/b-tree page type 0/, 0, (view) => view.setUint8(0, 0)],
    [/b-tree page type 3/, 0, (view) => view.setUint8(0, 3)],
    [/no cell, and no leaf/, 3, (view) => view.setUint16(3, 0)],
    [/251 cells in 512 bytes/, 3, (view) => view.setUint16(3, 251)],
    [/65535 cells/, 3, (view) => view.setUint16(3, 65535)],
    [/a cell at 17, and they lie between 18 and 512/, 14, (view) => view.setUint16(14, 17)],
    [/a cell at 509/, 16, (view) => view.setUint16(16, 509)],
    [/a cell at 65535/, 12, (view) => view.setUint16(12, 65535)],
  ];
  for (const [words, at, change] of cases) {
    const bytes = makeInterior([8, 9, 10, 11]);
    change(new DataView(bytes.buffer));
    assert.throws(() => parseBTreePage(LAYOUT, 7, bytes), isCorrupt(words, AT_7 + at));
  }
  assert.throws(() => parseBTreePage(LAYOUT, 1001, makePage({})), isCorrupt(/no part of a b-tree/));
  const reserved = makeLayout(1000, { usableSize: 508 });
  assert.throws(() => parseBTreePage(reserved, 7, makeInterior([8, 9])), isCorrupt(/at 507/));
});

test("the first page may have one child", () => {
  const page = parseBTreePage(LAYOUT, 1, makePage({ rightmost: 9, start: 100 }));
  assert.equal([...childrenOf(LAYOUT, page)], [9]);
});

test("a child that cannot be one says where", () => {
  const vacuumed = makeLayout(3_000_000, { isAutoVacuum: true });
  for (const child of [0, 1, 3_000_001, 0xffffffff, 105, 2 ** 21 + 1]) {
    for (const children of [
      [child, 9],
      [9, child],
    ]) {
      const page = parseBTreePage(vacuumed, 7, makeInterior(children));
      const at = children[0] === child ? 507 : 8;
      const words = new RegExp(`a child is page ${child}, and cannot be`);
      assert.throws(() => childrenOf(vacuumed, page), isCorrupt(words, AT_7 + at));
    }
  }
});

test("pages that form no b-tree end the walk", async () => {
  const leaf = makePage({});
  const walk = async (
    words: RegExp,
    offset: number,
    pages: Readonly<Record<number, Uint8Array>>,
    roots: readonly number[] = [2],
  ): Promise<void> => {
    const reader = makeReader(LAYOUT, pages);
    await rejects(walkBTrees(reader, roots), words, offset);
    assert.is(new Set(reader.reads).size, reader.reads.length, "a page was read twice");
  };
  await walk(/a child is page 2, named before/, 512, { 2: makeInterior([2, 3]) });
  await walk(/a child is page 3, named before/, 512, { 2: makeInterior([3, 3]) });
  await walk(/a child is page 2, named before/, 3 * 512, {
    2: makeInterior([3, 4]),
    3: makeInterior([5, 6]),
    4: makeInterior([7, 2]),
    5: leaf,
  });
  await walk(/an interior page of index type in the b-tree with root 2, of table/, 1024, {
    2: makeInterior([3, 4]),
    3: makeInterior([5, 6], { kind: "index" }),
  });
  await walk(/a leaf of index type .* of another kind/, 1024, {
    2: makeInterior([3, 4]),
    3: makePage({ kind: "index" }),
  });
  await walk(/a leaf of table type .* higher than its first leaf/, 1536, {
    2: makeInterior([3, 4]),
    3: makeInterior([5, 6]),
    4: leaf,
    5: leaf,
  });
  await walk(/root 1001: no page can be that/, 1000 * 512, {}, [1001]);
  await walk(/root 0/, -512, {}, [0]);
  await walk(/root 3: another one has it/, 1024, { 3: leaf }, [3, 4, 3]);
  await walk(/page 3, named before/, 512, { 2: makeInterior([3, 4]), 3: leaf }, [2, 3]);
});

test("a b-tree deeper than SQLite has any ends the walk", async () => {
  const first = makeInterior([3, 4]);
  let reads = 0;
  const read = async (pgno: number): Promise<Uint8Array> => {
    reads += 1;
    const bytes = first.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(507, 2 * pgno - 1);
    view.setUint32(8, 2 * pgno);
    return bytes;
  };
  const reader = { ...makeLayout(2 ** 21), read };
  await rejects(walkBTrees(reader, [2]), /root 2 has more than 20 levels/);
  assert.is(reads, 2 ** 19);
});

test("a payload that its page or its database cannot have says where", () => {
  const heads = (cell: readonly number[], layout = LAYOUT): unknown =>
    overflowHeads(layout, parseBTreePage(layout, 7, makePage({ cells: [Uint8Array.from(cell)] })));
  assert.equal(heads([3, 1, 0, 0, 0]), []);
  assert.throws(() => heads([0x80, 0x80, 0x80, 0x80]), isCorrupt(/the page cuts off/, AT_7 + 508));
  assert.throws(() => heads([3, 0x80, 0x80, 0x80]), isCorrupt(/the page cuts off/));
  assert.throws(() => heads([9, 1, 0, 0, 0]), isCorrupt(/9 bytes, of which 9 at 509 leave/));
  const most = [0x88, 0x80, 0x80, 0x80, 0, 1, ...Array(480).fill(0)];
  const large = makeLayout(2 ** 32 - 2);
  assert.throws(() => heads(most, large), isCorrupt(/a payload of 2147483648 bytes$/));

  // With pages of 512 bytes a payload of 1000 bytes has 39 in its page and 961 in two others.
  const cell = [0x87, 0x68, 1, ...Array(39).fill(0)];
  assert.equal(heads([...cell, 0, 0, 3, 232]), [{ pgno: 1000, length: 961, pageCount: 2 }]);
  assert.throws(() => heads(cell), isCorrupt(/1000 bytes, of which 39 at 473 leave the page/));
  const head = (pgno: number): number[] => [...cell, 0, 0, pgno >>> 8, pgno & 255];
  assert.throws(() => heads(head(0)), isCorrupt(/an overflow page is page 0/));
  assert.throws(() => heads(head(1001)), isCorrupt(/an overflow page is page 1001/));
});

test("a chain that is not what its payload says ends", async () => {
  const follow = async (
    words: RegExp,
    offset: number,
    pages: Readonly<Record<number, Uint8Array>>,
    pageCounts: readonly number[] = [3],
  ): Promise<void> => {
    const reader = makeReader(LAYOUT, pages);
    const heads = pageCounts.map((pageCount, index) => {
      return { pgno: 7 + index, length: pageCount * 508, pageCount };
    });
    await rejects(overflowPages(reader, heads, { whole: true }), words, offset);
    assert.is(new Set(reader.reads).size, reader.reads.length, "a page was read twice");
  };
  await follow(/the next of 2 overflow pages is page 0/, AT_7, {});
  await follow(/overflow pages is page 1001/, AT_7, { 7: numbersAt({ 0: 1001 }) });
  await follow(/the next overflow page is 7, named before/, AT_7, { 7: numbersAt({ 0: 7 }) });
  await follow(/named before/, 8 * 512, { 7: numbersAt({ 0: 9 }), 9: numbersAt({ 0: 7 }) });
  await follow(/page 9 behind its end/, AT_7, { 7: numbersAt({ 0: 9 }) }, [1]);
  await follow(/is 8, named before/, AT_7, { 7: numbersAt({ 0: 8 }) }, [2, 1]);
  const seen = new PageSet();
  seen.add(7);
  const head = { pgno: 7, length: 1, pageCount: 1 };
  await rejects(overflowPages(makeReader(LAYOUT, {}), [head], { seen }), /begins in a page/);
});

test("a freelist that lies ends", async () => {
  const list = async (
    words: RegExp,
    offset: number,
    count: number,
    pages: Readonly<Record<number, Uint8Array>>,
  ): Promise<void> => {
    const layout = makeLayout(1000, { freelistTrunk: 7, freelistCount: count });
    const reader = makeReader(layout, pages);
    await rejects(freelist(reader), words, offset);
    assert.is(new Set(reader.reads).size, reader.reads.length, "a page was read twice");
  };
  const three = numbersAt({ 4: 2, 8: 20, 12: 21 });
  await list(/the freelist has 3 pages, and not 4/, 36, 4, { 7: three });
  await list(/1 pages more than the header's 2/, AT_7 + 4, 2, { 7: three });
  await list(/127 free pages, of at most 126/, AT_7 + 4, 200, { 7: numbersAt({ 4: 127 }) });
  await list(/a free page is page 0/, AT_7 + 12, 3, { 7: numbersAt({ 4: 2, 8: 20 }) });
  await list(/a free page is page 1001/, AT_7, 9, { 7: numbersAt({ 0: 1001 }) });
  await list(/is page 7, named before/, AT_7, 9, { 7: numbersAt({ 0: 7 }) });
  await list(/is page 20, named before/, AT_7 + 12, 3, { 7: numbersAt({ 4: 2, 8: 20, 12: 20 }) });
  const far = makeLayout(1000, { freelistTrunk: 1001, freelistCount: 1 });
  await rejects(freelist(makeReader(far, {})), /a free page is page 1001/, 32);
});

/** A row of the schema with one byte for each letter, and a root page of one byte or none. */
function row(type: string, root: number, sql?: string): Uint8Array {
  const text = new TextEncoder().encode(`${type}tt`);
  const statement = new TextEncoder().encode(sql ?? "");
  const types = [13 + 2 * type.length, 15, 15, 1, sql === undefined ? 0 : 13 + 2 * sql.length];
  const record = [6, ...types, ...text, root, ...statement];
  return Uint8Array.from([record.length, 1, ...record]);
}

test("a schema that cannot be is none", async () => {
  const read = async (cell: Uint8Array, words: RegExp): Promise<void> => {
    const first = makePage({ cells: [cell], start: 100 });
    await rejects(readSchema(makeReader(makeLayout(100), { 1: first })), words);
  };
  const first = makePage({ cells: [row("table", 2, "CREATE")], start: 100 });
  const schema = await readSchema(makeReader(makeLayout(100), { 1: first }));
  assert.equal(schema.rootPages(), [1, 2]);
  const view = makePage({ cells: [row("view", 2, "CREATE VIEW")], start: 100 });
  const viewed = await readSchema(makeReader(makeLayout(100), { 1: view }));
  assert.equal(viewed.rootPages(), [1], "a view has no b-tree, whatever it says");
  // Five columns with types of their own: the root is NULL.
  const record = [6, 23, 15, 15, 0, 0, ...new TextEncoder().encode("tablett")];
  const rootless = makePage({ cells: [Uint8Array.from([13, 1, ...record])], start: 100 });
  const [table] = (await readSchema(makeReader(makeLayout(100), { 1: rootless }))).objects;
  assert.is(table?.kind, "virtual");
  await read(row("table", 1), /the root of t is page 1, of 100/);
  await read(row("table", 101), /the root of t is page 101/);
  await read(row("table", -1), /the root of t is page -1/);
  await read(row("index", 0), /the root of t is page 0/);
  await read(row("thing", 2), /t is of type thing/);
  await read(Uint8Array.from([3, 1, 2, 0, 0]), /it has no name/);
  await read(Uint8Array.from([3, 1, 9, 0, 0]), /a record of 3 bytes with a header of 9/);

  const index = makePage({ kind: "index", start: 100 });
  await rejects(readSchema(makeReader(makeLayout(100), { 1: index })), /no leaf of a table/, 0);
});

test("a schema takes no more memory than there are pages, or than it is allowed", async () => {
  // Many cells that all claim the same megabytes of overflow.
  const size = 39 + 508 * 118_110;
  const claim = [21, 14, 7, 0].map((shift) => ((size >>> shift) & 127) | (shift === 0 ? 0 : 128));
  const cell = Uint8Array.from([...claim, 1, ...Array(39).fill(0), 0, 0, 0, 50]);
  for (const [pageCount, words] of [
    [50_000, /of overflow in a database of 50000 pages/],
    [200_000, /: 119999838 bytes of rows or more/],
    [2_000_000, /: 299999595 bytes of rows or more/],
  ] as const) {
    const before = process.memoryUsage().arrayBuffers;
    const first = makePage({ cells: [cell, cell, cell, cell, cell, cell], start: 100 });
    await rejects(readSchema(makeReader(makeLayout(pageCount), { 1: first })), words);
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 300 * 2 ** 20, `${taken} bytes`);
  }
});

test.run();
