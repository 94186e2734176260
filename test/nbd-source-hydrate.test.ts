import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Clone, type HydrateBlobOptions, hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { serveNbd } from "../adapters/nbd/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { runCommand } from "./cli-command.ts";
import { randomFrom } from "./devices/random.ts";
import { makeFolder, type NbdServer, startNbdkit } from "./nbd-source-servers.ts";
import { failure } from "./rejection.ts";

interface Context {
  folder: string;
  remove: () => Promise<void>;
  servers: NbdServer[];
}

const test = suite<Context>("hydrating from NBD");

const MIB = 2 ** 20;
const SIZE: number = 12 * MIB + 1000;
const CONTENT: Uint8Array = patternBytes(SIZE);

test.before.each(async (context) => {
  const { path, remove } = await makeFolder();
  await writeFile(join(path, "file"), CONTENT);
  Object.assign(context, { folder: path, remove, servers: [] });
});

test.after.each(async ({ servers, remove }) => {
  for (const server of servers) await server.kill();
  await remove();
});

/** Serves the file. Every read goes into the log. */
async function serve(
  { folder, servers }: Context,
  filters: readonly string[] = [],
  settings: readonly string[] = [],
): Promise<NbdServer | undefined> {
  const named = ["log", ...filters].map((filter) => `--filter=${filter}`);
  const log = `logfile=${folder}/log`;
  const args = [...named, "file", `${folder}/file`, log, "logappend=true", ...settings];
  const server = await startNbdkit(folder, args);
  if (server !== undefined) servers.push(server);
  return server;
}

/** The reads that nbdkit has logged. */
async function readsOf({ folder }: Context): Promise<{ offset: number; length: number }[]> {
  const log = await readFile(join(folder, "log"), "utf8");
  return [...log.matchAll(/ Read id=\d+ offset=(\w+) count=(\w+) /g)].map(([, at, count]) => ({
    offset: Number(at),
    length: Number(count),
  }));
}

/** Whether these ranges are the whole file, and no byte twice. */
function isWholeOnce(reads: readonly { offset: number; length: number }[]): boolean {
  let end = 0;
  for (const { offset, length } of reads.toSorted((a, b) => a.offset - b.offset)) {
    if (offset !== end) return false;
    end += length;
  }
  return end === SIZE;
}

/** Reads here and there until the clone is whole. Resolves to how many reads were right. */
async function readAround(clone: Clone, seed: number, isOver: () => boolean): Promise<number> {
  const next = randomFrom(seed);
  let count = 0;
  while (!isOver()) {
    const offset = next(SIZE);
    const bytes = await clone.read(offset, 1 + next(20_000));
    const expected = CONTENT.subarray(offset, offset + bytes.length);
    if (Buffer.compare(bytes, expected) !== 0) throw new Error(`wrong bytes at ${offset}`);
    count += 1;
  }
  return count;
}

/** Resolves when so much is here. */
async function until(clone: Clone, hydratedBytes: number): Promise<void> {
  while (clone.status().hydratedBytes < hydratedBytes) await sleep(1);
}

for (const [name, settings] of [
  ["several connections", ["multi-conn-mode=auto"]],
  ["one connection for all", ["multi-conn-mode=disable"]],
] as const) {
  test(`eight readers while it hydrates ask for no byte twice, over ${name}`, async (context) => {
    const server = await serve(context, ["delay", "multi-conn"], ["delay-read=2ms", ...settings]);
    if (server === undefined) return;
    const path = join(context.folder, "copy");
    const clone = await hydrate(server.uri, path);
    let isOver = false;
    const readers = Array.from({ length: 8 }, (_, seed) => readAround(clone, seed, () => isOver));
    await clone.hydrated().finally(() => {
      isOver = true;
    });
    const counts = await Promise.all(readers);
    assert.ok(
      counts.every((count) => count > 0),
      `${counts}`,
    );
    const { amplification, bytesFetched } = clone.stats();
    await clone.close();
    assert.equal(await readFile(path), Buffer.from(CONTENT));
    assert.ok(isWholeOnce(await readsOf(context)));
    assert.equal([amplification, bytesFetched], [1, SIZE]);
  });
}

test("a server that is killed and comes back loses nothing of the copy", async (context) => {
  const slow = [["delay"], ["delay-read=20ms"]] as const;
  const server = await serve(context, ...slow);
  if (server === undefined) return;
  const path = join(context.folder, "copy");
  const clone = await hydrate(server.uri, path, { retries: { backoffMs: 20, stallAfter: 100 } });
  for (const share of [0.2, 0.6]) {
    await until(clone, share * SIZE);
    await context.servers.at(-1)?.kill();
    const reading = readAround(clone, 1, () => true).then(() => clone.read(SIZE - 10, 10));
    await sleep(30);
    await serve(context, ...slow);
    assert.equal(await reading, CONTENT.slice(-10));
  }
  await clone.hydrated();
  await clone.close();
  assert.equal(await readFile(path), Buffer.from(CONTENT));
});

test("reads that fail now and then end in the right bytes", async (context) => {
  const settings = ["error-pread-rate=20%", "error-pread=EIO"];
  const server = await serve(context, ["error"], settings);
  if (server === undefined) return;
  const path = join(context.folder, "copy");
  const retries = { backoffMs: 1, stallAfter: 1000, demand: 20 };
  const clone = await hydrate(server.uri, path, { retries });
  let isOver = false;
  const reader = readAround(clone, 5, () => isOver);
  await clone.hydrated();
  isOver = true;
  await reader;
  assert.ok(clone.stats().retry.requests > 0);
  await clone.close();
  assert.equal(await readFile(path), Buffer.from(CONTENT));
});

test("reads that always fail end in a stall, with what was said", async (context) => {
  const trigger = join(context.folder, "trigger");
  await writeFile(trigger, "");
  const settings = ["error-pread-rate=1", "error=EIO", `error-file=${trigger}`];
  const server = await serve(context, ["error"], settings);
  if (server === undefined) return;
  const retries = { backoffMs: 1, stallAfter: 4 };
  const path = join(context.folder, "copy");
  const clone = await hydrate(server.uri, path, { retries });
  const error = await failure(clone.hydrated());
  assert.is(error.code, "STALLED");
  assert.match(error.message, "EIO");
  await rm(trigger);
  clone.resume();
  await clone.hydrated();
  await clone.close();
  assert.equal(await readFile(path), Buffer.from(CONTENT));
});

test("what the server knows to be zeros is not fetched", async (context) => {
  const server = await serve(context, ["delay"], ["delay-read=20ms"]);
  if (server === undefined) return;
  const file = join(context.folder, "file");
  const data = { offset: 63 * MIB, length: MIB };
  truncateSync(file, 0);
  truncateSync(file, 64 * MIB);
  const opened = openSync(file, "r+");
  writeSync(opened, CONTENT, 0, data.length, data.offset);
  closeSync(opened);
  const path = join(context.folder, "copy");
  const clone = await hydrate(server.uri, path);
  await clone.hydrated();
  const { bytesFetched, zeroBytes } = clone.stats();
  await clone.close();
  assert.equal(await readFile(path), await readFile(file));
  assert.is(bytesFetched + zeroBytes, 64 * MIB);
  // How much depends on the machine: the background may overtake what is being made zeros.
  assert.ok(zeroBytes > 0, "all of it was fetched");
  const read = (await readsOf(context)).reduce((sum, { length }) => sum + length, 0);
  assert.is(read, bytesFetched);
});

test("a half-done copy goes on where somebody answers for its version", async (context) => {
  const server = await serve(context, ["delay"], ["delay-read=10ms"]);
  if (server === undefined) return;
  const begin = async (path: string, options: HydrateBlobOptions): Promise<void> => {
    const clone = await hydrate(server.uri, path, options);
    await until(clone, SIZE / 4);
    await clone.close();
  };
  const path = join(context.folder, "copy");
  await begin(path, {});
  const refused = await failure(hydrate(server.uri, path));
  assert.is(refused.code, "SOURCE_CHANGED");
  assert.match(refused.message, "allowUnvalidated");
  const clone = await hydrate(server.uri, path, { nbd: { allowUnvalidated: true } });
  await clone.hydrated();
  assert.ok(clone.stats().bytesFetched < 0.9 * SIZE);
  await clone.close();
  assert.equal(await readFile(path), Buffer.from(CONTENT));

  const named = join(context.folder, "named");
  await begin(named, { nbd: { identity: "1" } });
  const other = await failure(hydrate(server.uri, named, { nbd: { identity: "2" } }));
  assert.is(other.code, "SOURCE_CHANGED");
  const again = await hydrate(server.uri, named, { nbd: { identity: "1" } });
  await again.hydrated();
  assert.ok(again.stats().bytesFetched < 0.9 * SIZE);
  await again.close();
  assert.equal(await readFile(named), Buffer.from(CONTENT));
});

test("an export of another Headwater can be hydrated", async ({ folder }) => {
  const source = new MemoryDevice(CONTENT.slice());
  const served = await Clone.open({ source, destination: new MemoryDevice(SIZE) });
  const server = await serveNbd(served, { unix: join(folder, "served") });
  const path = join(folder, "copy");
  const clone = await hydrate(server.uri, path);
  await clone.hydrated();
  assert.is(clone.stats().amplification, 1);
  await clone.close();
  await server.close();
  await served.close();
  assert.equal(await readFile(path), Buffer.from(CONTENT));
});

test("the command hydrates, asks and verifies over NBD", async (context) => {
  const server = await serve(context);
  if (server === undefined) return;
  const run = (...args: string[]) => runCommand(args, { cwd: context.folder });
  const hydrated = await run(server.uri, "copy", "--quiet");
  assert.is(hydrated.code, 0, hydrated.stderr);
  assert.equal(await readFile(join(context.folder, "copy")), Buffer.from(CONTENT));
  const verified = await run("verify", server.uri, "copy");
  assert.is(verified.code, 0, verified.stderr);
  const [info] = (await run("info", server.uri, "--json")).json();
  assert.equal([info?.size, info?.strongIdentity, info?.ranges], [SIZE, false, true]);
  for (const [args, complaint] of [
    [[server.uri, "other", "--header", "a: b"], "--header is for http"],
    [[server.uri], "names no file"],
    [["nbd+unix:///disk"], "names no socket"],
  ] as const) {
    const mistaken = await run(...args);
    assert.is(mistaken.code, 2, mistaken.stderr);
    assert.match(mistaken.stderr, complaint);
  }
});

test.run();
