import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import {
  FileStore,
  formatFileName,
  listReplica,
  litestream,
  reachableTxids,
} from "../adapters/ltx/index.ts";
import { runCommand } from "./cli-command.ts";
import { type Extension, findExtension } from "./litestream/extension.ts";
import { restore, txidText, withFolder } from "./litestream/restoring.ts";
import { queryReplica } from "./litestream/shell.ts";
import { runSqlite, TRANSACTIONS } from "./litestream/transactions.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { compactFiles } from "./ltx-writing.ts";

/** Replicas that Litestream itself writes, as we read them. */
const test = suite("Litestream writes");

/** So that an advance fetches what has changed, and not what is beside it. */
const PAGES = { regionSize: 4096, readAround: 0 };

/** The same transactions in a replica, by Litestream, and in an ordinary database. */
class TwoDatabases {
  readonly url: string;
  /** What the ordinary one held after each transaction, by the TXID that it has in the replica. */
  readonly dumps: Map<bigint, string> = new Map();
  readonly #extension: Extension;
  readonly #folder: string;
  readonly #plain: string;

  constructor(extension: Extension, folder: string) {
    this.#extension = extension;
    this.#folder = folder;
    this.#plain = join(folder, "plain.db");
    this.url = `file://${join(folder, "replica")}`;
  }

  /** The newest state. */
  get dump(): string | undefined {
    return [...this.dumps.values()].at(-1);
  }

  /** One transaction, in a process of its own: Litestream may lose the second of a connection. */
  async run(sql: string): Promise<void> {
    const { sqlite } = this.#extension;
    const options = { replica: this.url, folder: this.#folder, writes: true };
    await queryReplica(this.#extension, options, `begin;\n${sql}\ncommit;`);
    const dump = runSqlite(sqlite, this.#plain, "begin;", sql, "commit;", ".dump");
    await using store = new FileStore(join(this.#folder, "replica"));
    const newest = reachableTxids(await listReplica(store, undefined, {})).at(-1) ?? 0n;
    assert.not(this.dumps.has(newest), "it was not written to the replica");
    this.dumps.set(newest, dump);
  }

  /** Whether a file of ours is sound and holds what the ordinary database held. */
  check(path: string, dump: string | undefined, what: string): void {
    const { sqlite } = this.#extension;
    assert.is(runSqlite(sqlite, path, "pragma integrity_check;"), "ok\n", what);
    assert.ok(runSqlite(sqlite, path, ".dump") === dump, `the rows of ${what}`);
  }
}

test("every state has the rows of a database that ran the same statements", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  await withFolder(async (folder) => {
    const two = new TwoDatabases(extension, folder);
    for (const sql of TRANSACTIONS) await two.run(sql);
    assert.is(two.dumps.size, TRANSACTIONS.length);
    for (const [txid, dump] of two.dumps) {
      const path = join(folder, `${txid}.db`);
      await restore(two.url, path, { at: txid });
      two.check(path, dump, `TXID ${txid}`);
    }
    const newest = join(folder, "newest.db");
    await restore(two.url, newest);
    two.check(newest, two.dump, "the newest");
    const verified = await runCommand(["ltx", "verify", "replica"], { cwd: folder });
    assert.is(verified.code, 0, verified.stderr);
  });
});

test("a copy is of one transaction while it goes on writing, and advances to the newest", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  await withFolder(async (folder) => {
    const two = new TwoDatabases(extension, folder);
    for (const sql of TRANSACTIONS.slice(0, 6)) await two.run(sql);
    const before = two.dump;
    const path = join(folder, "copy.db");
    const clone = await hydrate(litestream(two.url), path, { ...PAGES, noHydration: true });
    try {
      const header = await clone.read(0, 100);
      for (const sql of TRANSACTIONS.slice(6, 8)) await two.run(sql);
      await clone.hydrate();
      await clone.hydrated();
      two.check(path, before, "the transaction that was opened");
      for (const sql of TRANSACTIONS.slice(8)) await two.run(sql);
      await clone.advance(litestream(two.url));
      await clone.hydrate();
      await clone.hydrated();
      two.check(path, two.dump, "the newest transaction");
      const counter = (bytes: Uint8Array): number => Buffer.from(bytes).readUInt32BE(24);
      assert.ok(counter(await clone.read(0, 100)) > counter(header), "SQLite would not notice");
    } finally {
      await clone.close();
    }
  });
});

test("it goes on from a snapshot that we compacted, and both go on from that", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  const { sqlite } = extension;
  await withFolder(async (folder) => {
    await using store = new FileStore(join(folder, "replica"));
    const files = fixtureFiles("small").map(({ bytes }) => bytes);
    const name = formatFileName({ minTxid: 1n, maxTxid: 6n });
    await store.put(`ltx/9/${name}`, await compactFiles(files.slice(0, 6)));
    const path = join(folder, "copy.db");
    await restore(store.name, path, {}, PAGES);
    const plain = join(folder, "plain.db");
    await restore(store.name, plain);
    const sql = "update t set v = 'changed' where id % 3 = 0; create table more(a);";
    const options = { replica: store.name, folder, writes: true };
    await queryReplica(extension, options, `begin; ${sql} commit;`);
    await using clone = await hydrate(litestream(store.name), path, { revalidate: true });
    await clone.hydrated();
    assert.match(clone.status().identity, `txid=${txidText(7)}`);
    const expected = runSqlite(sqlite, plain, "begin;", sql, "commit;", ".dump");
    assert.ok(runSqlite(sqlite, path, ".dump") === expected, "the rows");
  });
});

test.run();
