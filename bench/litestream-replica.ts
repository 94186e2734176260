import { cp, link, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assemble, FileStore, formatFileName } from "../adapters/ltx/index.ts";
import { EncodedReplica } from "../test/litestream/encoded-replica.ts";
import { runSqlite } from "../test/litestream/transactions.ts";
import { ltxSample } from "./ltx-sample.ts";

/** Where the objects of the replica are below the folder that is served. */
export const BUCKET = "bucket/db";

/** One replica in two layouts. */
export interface BenchReplica {
  /** As in files: `ltx/0/…`. */
  readonly folder: string;
  /** As in an object store: `bucket/db/0000/…`. */
  readonly served: string;
  /** Where it comes from. */
  readonly origin: string;
  readonly files: number;
  /** Bytes of the database. */
  readonly size: number;
  /** What nobody can do without: the newest frame of each page, and the page indexes. */
  readonly leastBytes: number;
}

const ROWS = 150_000;
/** Transactions after the table and its index, and the rows that each changes. */
const LATER_TRANSACTIONS = 18;
const CHANGES = 40;

/**
 * The replica that `HEADWATER_LTX_BIG` names, the folder of one level; without it, one of a made-up
 * database, which is one of SQLite where there is a `sqlite3`.
 */
export async function benchReplica(
  parent: string,
  sqlite: string | undefined,
): Promise<BenchReplica> {
  const folder = join(parent, "replica");
  const served = join(parent, "served");
  const level = join(folder, "ltx", "0");
  await mkdir(level, { recursive: true });
  const origin = await fill(level, folder, sqlite);
  const bucket = join(served, BUCKET, "0000");
  await mkdir(bucket, { recursive: true });
  const names = await readdir(level);
  await Promise.all(names.map((name) => link(join(level, name), join(bucket, name))));
  return { folder, served, origin, files: names.length, ...(await measure(folder)) };
}

async function fill(level: string, folder: string, sqlite: string | undefined): Promise<string> {
  const { HEADWATER_LTX_BIG: given } = process.env;
  if (given !== undefined) {
    await cp(given, level, { recursive: true, filter: (path) => !path.endsWith(".tmp") });
    return "the replica that HEADWATER_LTX_BIG names";
  }
  if (sqlite !== undefined) {
    await makeReplica(folder, sqlite);
    return "a made-up database";
  }
  const { files, origin } = await ltxSample();
  for (const [index, bytes] of files.entries()) {
    const txid = BigInt(index + 1);
    await writeFile(join(level, formatFileName({ minTxid: txid, maxTxid: txid })), bytes);
  }
  return origin;
}

/** A table, an index, and transactions that each change a few rows all over it. */
async function makeReplica(folder: string, sqlite: string): Promise<void> {
  const database = join(folder, "made.db");
  const replica = new EncodedReplica(folder);
  const words = Array.from({ length: 30 }, (_, word) => {
    const name = ["alpha", "iota", "rho"][word % 3];
    return `'${name} ' || printf('%x ', (i * ${2_654_435_761 + 2 * word}) % ${4_294_967_291 - word})`;
  });
  const every = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})`;
  const transactions = [
    "create table items(id integer primary key, k text not null, n integer, body text);" +
      `${every} insert into items select i, printf('%x', i * 2654435761 % 4294967291),
        i * 7919 % 1000, ${words.join(" || ")} from n;`,
    "create index items_k on items(k);",
    ...Array.from(
      { length: LATER_TRANSACTIONS },
      (_, later) =>
        `update items set n = n + 1 where id % ${Math.floor(ROWS / CHANGES)} = ${later * 31};`,
    ),
  ];
  for (const sql of transactions) {
    runSqlite(sqlite, database, "pragma synchronous = off;", "begin;", sql, "commit;");
    await replica.add(database);
  }
  await rm(database);
}

async function measure(folder: string): Promise<{ size: number; leastBytes: number }> {
  await using store = new FileStore(folder);
  const { pages } = await assemble(store, {});
  let leastBytes = 0;
  for (const extents of pages.files) {
    const { index, tail } = extents.file;
    leastBytes += tail.length;
    for (let extent = 0; extent < extents.count; extent += 1) {
      leastBytes += index.sizes[extents.liveFrame(extent)] as number;
    }
  }
  return { size: pages.size, leastBytes };
}
