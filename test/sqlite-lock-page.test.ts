import { open } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileDevice } from "../adapters/file/index.ts";
import {
  lockPage,
  type OverflowHead,
  openPageReader,
  overflowHeads,
  overflowPages,
  PageSet,
  parseBTreePage,
  pointerMapPages,
  readSchema,
  walkBTrees,
} from "../adapters/sqlite/btree/index.ts";
import { findSqlite, make, makeFolder, query, run } from "./sqlite-databases.ts";
import { numbers } from "./sqlite-recipes.ts";

const test = suite("lock page of SQLite databases");

const folder = makeFolder();

/**
 * Makes a database believe that it has pages up to before the lock page, which take no space on
 * the disk and are nothing: SQLite puts what comes then behind them.
 */
async function stretch(file: string, pageSize: number, pageCount: number): Promise<void> {
  const handle = await open(file, "r+");
  try {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(pageCount);
    await handle.write(count, 0, 4, 28);
    await handle.truncate(pageCount * pageSize);
  } finally {
    await handle.close();
  }
}

for (const [pageSize, vacuum] of [
  [65536, "none"],
  [65536, "full"],
  [1024, "full"], // where the lock page would be one of the pointer map
] as const) {
  test(`nothing lies in it: pages of ${pageSize} bytes, auto-vacuum ${vacuum}`, async () => {
    const program = findSqlite();
    if (program === undefined) return;
    const file = make(program, folder, {
      name: `lock ${pageSize} ${vacuum}`,
      settings: `pragma page_size = ${pageSize}; pragma auto_vacuum = ${vacuum};`,
      sql: "create table t(a, b);",
    });
    await stretch(file, pageSize, 2 ** 30 / pageSize - 20);
    const insert = `insert into t select i, zeroblob(${pageSize} * 2) from n`;
    run(program, file, `${numbers(30)} ${insert};`);
    const sql = "select pageno from dbstat order by pageno";
    const truth = query<{ pageno: number }>(program, file, sql).map(({ pageno }) => pageno);

    await using device = await FileDevice.open(file);
    const reader = await openPageReader(device);
    assert.ok(reader.pageCount > lockPage(reader) + 20, `${reader.pageCount} pages`);
    assert.not(truth.includes(lockPage(reader)));
    const seen = new PageSet();
    const heads: OverflowHead[] = [];
    for await (const { children } of walkBTrees(reader, (await readSchema(reader)).rootPages(), {
      seen,
    })) {
      for (const pgno of children) {
        heads.push(...overflowHeads(reader, parseBTreePage(reader, pgno, await reader.read(pgno))));
      }
    }
    for await (const _ of overflowPages(reader, heads, { seen, whole: true }));
    const all = Array.from({ length: reader.pageCount }, (_, index) => index + 1);
    assert.equal(
      all.filter((pgno) => seen.has(pgno)),
      truth,
    );

    // Of what SQLite added, every page is one of them, or of the pointer map, or the lock page.
    const maps = new Set(pointerMapPages(reader));
    const rest = all
      .slice(2 ** 30 / pageSize - 20)
      .filter((pgno) => !seen.has(pgno) && !maps.has(pgno));
    assert.equal(rest, [lockPage(reader)]);
    if (pageSize === 1024) assert.ok(maps.has(lockPage(reader) + 1));
  });
}

test.run();
