import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  leafPages,
  type OverflowHead,
  openPageReader,
  overflowHeads,
  overflowPages,
  type PageReader,
  PageSet,
  parseBTreePage,
  readSchema,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { Clone, isHeadwaterError } from "../lib/index.ts";
import {
  counting,
  findProj,
  findSqlite,
  make,
  makeFolder,
  openFile,
  query,
} from "./sqlite-databases.ts";
import { recipe } from "./sqlite-recipes.ts";

const test = suite("reads of SQLite pages");

const folder = makeFolder();

/** A reader that answers everything that waits at once, and counts how often it does. */
interface TurnReader extends PageReader {
  turns: number;
  /** Reads that waited together at most. */
  most: number;
  waiting: number;
}

function inTurns(reader: PageReader): TurnReader {
  let turn: Promise<void> | undefined;
  const read = async (pgno: number): Promise<Uint8Array> => {
    result.waiting += 1;
    result.most = Math.max(result.most, result.waiting);
    turn ??= setImmediate().then(() => {
      turn = undefined;
      result.turns += 1;
    });
    await turn;
    result.waiting -= 1;
    return await reader.read(pgno);
  };
  const { header, pageCount } = reader;
  const result: TurnReader = { header, pageCount, read, turns: 0, most: 0, waiting: 0 };
  return result;
}

async function drain(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count += 1;
  return count;
}

test("a walk waits once for each level, of one b-tree and of all together", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  for (const [name, depth] of [
    ["deep", 6],
    ["pages of 512 bytes", 3],
  ] as const) {
    const file = make(program, folder, recipe(name));
    const schema = await readSchema(await openFile(file));
    const sql = "select max(length(path) - length(replace(path, '/', ''))) as depth from dbstat";
    assert.equal(query(program, file, `${sql} where pagetype <> 'overflow'`), [{ depth }]);

    const reader = inTurns(await openFile(file));
    await drain(walkBTrees(reader, schema.rootPages(), { concurrency: 1000 }));
    assert.is(reader.turns, depth, name);
    assert.ok(reader.most > 10, `${reader.most} at once`);
  }
});

test("no more pages are read at once than allowed", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const file = make(program, folder, { ...recipe("deep"), name: "bounded" });
  const schema = await readSchema(await openFile(file));
  const reader = inTurns(await openFile(file));
  await drain(walkBTrees(reader, schema.rootPages(), { concurrency: 5 }));
  assert.is(reader.most, 5);
  reader.most = 0;
  await drain(walkBTrees(reader, schema.rootPages()));
  assert.is(reader.most, 64);
  await drain(walkBTrees(reader, [1], { concurrency: 0 })).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /concurrency is 0/),
  );
});

test("overflow chains are followed side by side", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const file = make(program, folder, { ...recipe("pages of 1024 bytes"), name: "chains" });
  const plain = await openFile(file);
  const [root = 0] = (await readSchema(plain)).rootPagesOf("large");
  const heads: OverflowHead[] = [];
  for await (const leaves of leafPages(plain, root)) {
    for (const pgno of leaves) {
      heads.push(...overflowHeads(plain, parseBTreePage(plain, pgno, await plain.read(pgno))));
    }
  }
  assert.is(heads.length, 12);
  const reader = inTurns(plain);
  await drain(overflowPages(reader, heads));
  // The last page of the longest needs no read.
  const longest = Math.max(...heads.map(({ pageCount }) => pageCount));
  assert.ok(longest > 200, `${longest} pages`);
  assert.is(reader.turns, longest - 1);
});

test("leaving a walk, or a failure in it, leaves no read behind", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const file = make(program, folder, { ...recipe("deep"), name: "left" });
  const plain = await openFile(file);
  const [root = 0] = (await readSchema(plain)).rootPagesOf("t");
  const reader = inTurns(plain);
  let left = 100;
  for await (const _ of walkBTrees(reader, [root], { concurrency: 5 })) if (--left === 0) break;
  assert.is(reader.waiting, 0);

  // Two fail at once, before others that are asked for earlier have come.
  const failing = inTurns(plain);
  let count = 0;
  const read = (pgno: number): Promise<Uint8Array> => {
    count += 1;
    return count < 100 ? failing.read(pgno) : Promise.reject(new Error("gone"));
  };
  await drain(walkBTrees({ ...failing, read }, [root], { concurrency: 5 })).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, "gone"),
  );
  assert.is(failing.waiting, 0);

  const abort = new AbortController();
  const walk = drain(walkBTrees(inTurns(plain), [root], { signal: abort.signal }));
  abort.abort(new Error("enough"));
  await walk.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, "enough"),
  );
});

test("a page that is not whole is refused", async () => {
  const program = findSqlite();
  if (program === undefined) return;
  const plain = await openFile(make(program, folder, recipe("of one page")));
  const short = { ...plain, read: async () => new Uint8Array(100) };
  await readSchema(short).then(
    () => assert.unreachable(),
    (error) => assert.ok(isHeadwaterError(error, "SHORT_READ")),
  );
});

test("a clone whose regions are fetched as they are read is walked like a file", async () => {
  const file = findProj();
  if (file === undefined) return;
  const bytes = readFileSync(file);
  await using clone = await Clone.open({
    source: new MemoryDevice(bytes),
    destination: new MemoryDevice(bytes.length),
    noHydration: true,
  });
  const reader = counting(await openPageReader(clone));
  const schema = await readSchema(reader);
  const known = new PageSet();
  await drain(walkBTrees(reader, schema.rootPages(), { seen: known }));
  const read = new Set(reader.reads).size;
  assert.ok(read * 9 < known.size, `${read} pages read to know ${known.size}`);
  assert.ok(known.size > 1900, `${known.size} pages`);
});

test.run();
