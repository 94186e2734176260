import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileStore, formatFileName } from "../adapters/ltx/index.ts";
import { runCommand } from "./cli-command.ts";
import { EncodedReplica } from "./litestream/encoded-replica.ts";
import { findExtension } from "./litestream/extension.ts";
import { restore, txidText, withFolder } from "./litestream/restoring.ts";
import { LitestreamShell, queryReplica } from "./litestream/shell.ts";
import { runSqlite, TRANSACTIONS } from "./litestream/transactions.ts";
import { expectedStates, fixtureFiles } from "./ltx-files.ts";
import { compactFiles } from "./ltx-writing.ts";

/** The files that we write, as Litestream itself reads them. */
const test = suite("Litestream reads");

const ROWS = "select json_array(id, k, v) from t order by id;";
const TXID = "select litestream_txid();";

function hashOf(rows: string | undefined): string {
  return createHash("sha256")
    .update(rows ?? "")
    .digest("hex");
}

/** A file that holds the transactions `min` to `max` of a fixture, on a level. */
type Part = readonly [level: number, min: number, max: number];

/** Makes a replica of a fixture, whose files are compacted as the parts say. */
async function compacted(
  folder: string,
  fixture: string,
  ...parts: readonly Part[]
): Promise<string> {
  await using store = new FileStore(folder);
  const files = fixtureFiles(fixture).map(({ bytes }) => bytes);
  for (const [level, min, max] of parts) {
    const name = formatFileName({ minTxid: BigInt(min), maxTxid: BigInt(max) });
    await store.put(`ltx/${level}/${name}`, await compactFiles(files.slice(min - 1, max)));
  }
  return store.name;
}

for (const pageSize of [512, 4096, 65_536]) {
  test(`a database with pages of ${pageSize} bytes that we encode has its rows`, async () => {
    const extension = findExtension();
    if (extension === undefined) return;
    const { sqlite } = extension;
    await withFolder(async (folder) => {
      const plain = join(folder, "plain.db");
      const replica = new EncodedReplica(join(folder, "replica"));
      for (const [index, sql] of TRANSACTIONS.entries()) {
        runSqlite(sqlite, plain, `pragma page_size = ${pageSize};`, "begin;", sql, "commit;");
        await replica.add(plain);
        if (index !== 4 && index !== TRANSACTIONS.length - 1) continue;
        const options = { replica: replica.url, folder };
        const [txid, dump] = await queryReplica(extension, options, TXID, ".dump");
        assert.is(txid?.trim(), txidText(replica.txid));
        const expected = runSqlite(sqlite, plain, ".dump");
        assert.ok(dump === expected, `the rows at ${txid}`);
        const path = join(folder, `${index}.db`);
        await restore(replica.url, path);
        assert.ok(runSqlite(sqlite, path, ".dump") === expected, `our rows at ${txid}`);
      }
    });
  });
}

test("every state of a replica, compacted into one snapshot, has its rows", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  await withFolder(async (folder) => {
    for (const { txid, sha } of expectedStates()) {
      const last = Number.parseInt(txid, 16);
      const replica = await compacted(join(folder, txid), "small", [9, 1, last]);
      const found = await queryReplica(extension, { replica, folder }, TXID, ROWS);
      assert.is(found[0]?.trim(), txid);
      assert.is(hashOf(found[1]), sha, `the rows of ${txid}`);
      const path = join(folder, `${txid}.db`);
      await restore(replica, path);
      assert.is(hashOf(runSqlite(extension.sqlite, path, ROWS)), sha, `our rows of ${txid}`);
    }
  });
});

const REPLICAS: readonly (readonly [fixture: string, ...parts: readonly Part[]])[] = [
  ["small", [9, 1, 3], [1, 4, 6], [0, 7, 7], [0, 8, 8]],
  ["small", [9, 1, 2], [1, 3, 7], [1, 8, 8]],
  ["small", [0, 1, 1], [1, 2, 4], [2, 2, 8]],
  ["small-frame", [9, 1, 8]],
  ["small-frame", [9, 1, 1], [1, 2, 5], [0, 6, 6], [0, 7, 7], [0, 8, 8]],
];

for (const [fixture, ...parts] of REPLICAS) {
  const places = parts.map(([level, min, max]) => `${min} to ${max} on level ${level}`);
  test(`${fixture}, compacted to ${places.join(", ")}, has its rows`, async () => {
    const extension = findExtension();
    if (extension === undefined) return;
    await withFolder(async (folder) => {
      const replica = await compacted(join(folder, "replica"), fixture, ...parts);
      const found = await queryReplica(extension, { replica, folder }, TXID, ROWS);
      const expected = expectedStates().at(-1);
      assert.is(found[0]?.trim(), expected?.txid);
      assert.is(hashOf(found[1]), expected?.sha);
      const path = join(folder, "restored.db");
      await restore(replica, path);
      assert.is(hashOf(runSqlite(extension.sqlite, path, ROWS)), expected?.sha);
    });
  });
}

test("what the command compacts is a level like any other", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  await withFolder(async (folder) => {
    for (const { path, bytes } of fixtureFiles("small")) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    const paths = fixtureFiles("small").map(({ path }) => path);
    const levels: readonly (readonly [part: Part, files: readonly string[]])[] = [
      [[9, 1, 5], paths.slice(0, 5)],
      [[1, 6, 8], paths.slice(5)],
    ];
    for (const [[level, min, max], files] of levels) {
      const into = join(folder, "made/ltx", `${level}`);
      await mkdir(into, { recursive: true });
      const output = join(into, `${txidText(min)}-${txidText(max)}.ltx`);
      const made = await runCommand(["ltx", "compact", ...files, "-o", output], { cwd: folder });
      assert.is(made.code, 0, made.stderr);
    }
    const replica = `file://${join(folder, "made")}`;
    const found = await queryReplica(extension, { replica, folder }, TXID, ROWS);
    const expected = expectedStates().at(-1);
    assert.is(found[0]?.trim(), expected?.txid);
    assert.is(hashOf(found[1]), expected?.sha);
  });
});

/** Asks again until this is the answer. */
async function until(shell: LitestreamShell, question: string, answer: string): Promise<void> {
  while ((await shell.ask(question)).trim() !== answer) await sleep(20);
}

test("it hydrates what we write into the same pages, and sees what we add", async () => {
  const extension = findExtension();
  if (extension === undefined) return;
  const { sqlite } = extension;
  await withFolder(async (folder) => {
    const plain = join(folder, "plain.db");
    const hydrateTo = join(folder, "theirs.db");
    const replica = new EncodedReplica(join(folder, "replica"));
    for (const sql of TRANSACTIONS.slice(0, -1)) {
      runSqlite(sqlite, plain, "begin;", sql, "commit;");
      await replica.add(plain);
    }
    const options = { replica: replica.url, folder, hydrateTo };
    await using shell = await LitestreamShell.start(extension, options);
    await shell.connect();
    await until(shell, "pragma litestream_hydration_progress;", "100.0");
    await restore(replica.url, join(folder, "ours.db"));
    const [theirs, ours] = [await readFile(hydrateTo), await readFile(join(folder, "ours.db"))];
    // We show the TXID as the change counter, so that SQLite notices when a copy advances.
    for (const at of [24, 92]) theirs.writeUInt32BE(Number(replica.txid), at);
    assert.is(Buffer.compare(theirs, ours), 0, "the pages");

    runSqlite(sqlite, plain, "begin;", TRANSACTIONS.at(-1) ?? "", "commit;");
    await replica.add(plain);
    await until(shell, TXID, txidText(replica.txid));
    assert.ok((await shell.ask(".dump")) === runSqlite(sqlite, plain, ".dump"), "the rows");
    await shell.close();
  });
});

test.run();
