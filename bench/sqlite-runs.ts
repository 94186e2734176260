import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { request } from "undici";
import { type OpenDatabaseOptions, openDatabase } from "../adapters/sqlite/index.ts";
import { runSqlite } from "../test/litestream/transactions.ts";
import { withTarget } from "./files.ts";
import { timed } from "./measure.ts";
import type { Counts, Origin } from "./origin.ts";
import type { Bench } from "./report.ts";

export const ROWS = 600_000;

/**
 * A database of about 100 MB: a table, an index on text, and rows of which some overflow. The same
 * for all subjects of a run, which only read it.
 */
export async function makeDatabase(bench: Bench, sqlite: string): Promise<string> {
  const path = join(bench.folder, "items.db");
  if (existsSync(path)) return path;
  runSqlite(
    sqlite,
    path,
    "pragma journal_mode = off; pragma synchronous = off; begin;",
    "create table items(id integer primary key, k text not null, n integer, body text);",
    `with recursive r(i) as (select 1 union all select i + 1 from r where i < ${ROWS})
     insert into items select i, printf('%08x', i * 2654435761 % 4294967291), i * 7919 % 1000,
       printf('%0*d', case i % 5000 when 0 then 20000 else 70 + i % 60 end, i) from r;`,
    "create index items_k on items(k); commit;",
  );
  return path;
}

/** What one query has cost of a database that nobody has read before, its opening included. */
export interface QueryCost {
  readonly seconds: number;
  readonly counts: Counts;
  /** Bytes of the database. */
  readonly size: number;
}

export async function queryCold(
  bench: Bench,
  origin: Origin,
  sql: string,
  options: OpenDatabaseOptions = {},
): Promise<QueryCost> {
  return await withTarget(bench.folder, async (path) => {
    await origin.reset();
    let counts: Counts | undefined;
    let size = 0;
    const seconds = await timed(async () => {
      await using database = await openDatabase(origin.url, path, options);
      const row = await database.get(sql);
      if (row === undefined) throw new Error(`no row for ${sql}`);
      counts = await origin.counts();
      size = database.clone?.size ?? 0;
    });
    if (counts === undefined) throw new Error("nothing was counted");
    return { seconds, counts, size };
  });
}

/** The whole in one request, thrown away. */
export async function download(origin: Origin, size: number): Promise<number> {
  return await timed(async () => {
    const { body } = await request(origin.url);
    let received = 0;
    for await (const bytes of body) received += (bytes as Uint8Array).length;
    if (received !== size) throw new Error(`${received} of ${size} bytes came`);
  });
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}
