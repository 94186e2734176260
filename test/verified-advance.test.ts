import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HydrateBlobOptions, hydrate } from "../adapters/hydrate.ts";
import { makeManifest, openManifest, verified } from "../adapters/manifest/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { survivesCrashes } from "./advance-crashes.ts";
import { LyingOrigin } from "./devices/lying-origin.ts";
import { randomFrom } from "./devices/random.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { inFolder } from "./local-copy-files.ts";
import { BLOCK, make } from "./manifests.ts";
import { failure } from "./rejection.ts";

const test = suite("advancing by manifests");

const KIB = 2 ** 10;
const BIG_BLOCK = 16 * KIB;
/** Opening brings one block, and a region is one. */
const SIZES: HydrateBlobOptions = { regionSize: BIG_BLOCK, http: { head: BIG_BLOCK } };

/** 400 blocks, and the same with 20 of them, one in twenty, changed. */
const OLD = patternBytes(400 * BIG_BLOCK - 99, 1);
const NEW = OLD.slice();
for (let block = 7; block < 400; block += 20) NEW[block * BIG_BLOCK + block] = 1 + (block % 3);
const CHANGED = 20 * BIG_BLOCK;

async function manifestOf(bytes: Uint8Array): Promise<Uint8Array> {
  const once = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  return makeManifest(once(), { size: bytes.length, blockSize: BIG_BLOCK });
}

const OLD_MANIFEST = await manifestOf(OLD);
const NEW_MANIFEST = await manifestOf(NEW);

async function onServer(
  run: (origin: LyingOrigin, url: string, path: string) => Promise<void>,
): Promise<void> {
  await using origin = new LyingOrigin(OLD);
  const url = await origin.open();
  await inFolder((path) => run(origin, url, path));
}

function replace(origin: LyingOrigin): void {
  Object.assign(origin, { bytes: NEW, former: OLD, etag: '"new"', sentBytes: 0, requests: 0 });
}

async function finish(url: string, path: string, options: HydrateBlobOptions): Promise<Clone> {
  const clone = await hydrate(url, path, { ...SIZES, ...options });
  await clone.hydrated();
  await clone.close();
  return clone;
}

const isOf = async (path: string, bytes: Uint8Array): Promise<boolean> =>
  (await readFile(path)).equals(bytes);

for (const [how, before, after] of [
  ["by the former manifest", { manifest: OLD_MANIFEST }, { formerManifest: OLD_MANIFEST }],
  ["by what is local", { manifest: OLD_MANIFEST }, {}],
  ["of a copy that nobody had verified", {}, {}],
] as const) {
  test(`5 % of the blocks have changed, and no more is fetched, ${how}`, () =>
    onServer(async (origin, url, path) => {
      await finish(url, path, before);
      replace(origin);
      const told: unknown[] = [];
      const clone = await hydrate(url, path, { ...SIZES, ...after, manifest: NEW_MANIFEST });
      clone.on("restarted", (event) => told.push(event));
      assert.ok(await isOf(path, OLD)); // until the new one is whole
      assert.equal(await clone.read(7 * BIG_BLOCK, 100), NEW.slice(7 * BIG_BLOCK).slice(0, 100));
      await clone.hydrated();
      await clone.close();
      assert.ok(await isOf(path, NEW));
      assert.equal(told, []);
      assert.is(clone.stats().bytesFetched, CHANGED);
      assert.ok(origin.sentBytes <= 1.2 * CHANGED, `${origin.sentBytes} of ${CHANGED}`);
    }));
}

test("what is finished and as the manifest says asks the source for nothing", () =>
  onServer(async (origin, url, path) => {
    await finish(url, path, { manifest: OLD_MANIFEST });
    replace(origin);
    await finish(url, path, { manifest: OLD_MANIFEST });
    assert.is(origin.requests, 0);
  }));

test("damage of an unfinished copy is mended where the manifest is another", () =>
  onServer(async (origin, url, path) => {
    const first = await hydrate(url, path, { ...SIZES, manifest: OLD_MANIFEST, noHydration: true });
    await first.hydrate({ ranges: [{ offset: 0, length: 30 * BIG_BLOCK }] });
    await first.close();
    const damaged = await readFile(`${path}.partial`);
    damaged[3 * BIG_BLOCK] = (damaged[3 * BIG_BLOCK] ?? 0) ^ 1;
    await writeFile(`${path}.partial`, damaged);
    replace(origin);
    const clone = await finish(url, path, { manifest: NEW_MANIFEST });
    assert.ok(await isOf(path, NEW));
    // Of 30 blocks, 2 have changed and 1 is damaged.
    assert.is(clone.stats().bytesFetched, NEW.length - 27 * BIG_BLOCK);
  }));

test("a copy that a user wrote to is not touched", () =>
  onServer(async (origin, url, path) => {
    const clone = await hydrate(url, path, { ...SIZES, manifest: OLD_MANIFEST, noHydration: true });
    await clone.write(0, Uint8Array.of(1, 2, 3));
    await clone.close();
    replace(origin);
    const error = await failure(hydrate(url, path, { manifest: NEW_MANIFEST }));
    assert.is(error.code, "SOURCE_CHANGED");
  }));

/** A clone that is under way when the source changes, with its manifest in a file. */
async function whileOpen(
  autoAdvance: boolean,
  run: (clone: Clone) => Promise<void>,
): Promise<void> {
  await onServer(async (origin, url, path) => {
    const manifest = `${path}.manifest`;
    await writeFile(manifest, OLD_MANIFEST);
    const clone = await hydrate(url, path, { ...SIZES, manifest, noHydration: true, autoAdvance });
    await clone.hydrate({ ranges: [{ offset: 0, length: 100 * BIG_BLOCK }] });
    await writeFile(`${manifest}.new`, NEW_MANIFEST);
    await rename(`${manifest}.new`, manifest);
    replace(origin);
    try {
      await run(clone);
    } finally {
      await clone.close();
    }
  });
}

test("a source that changes meanwhile is followed, with the manifest that is there then", () =>
  whileOpen(true, async (clone) => {
    const told: { keptBytes: number }[] = [];
    clone.on("advanced", (event) => told.push(event));
    const at = 200 * BIG_BLOCK;
    assert.equal(await clone.read(at, 10 * BIG_BLOCK), NEW.slice(at, at + 10 * BIG_BLOCK));
    assert.is(told[0]?.keptBytes, 95 * BIG_BLOCK);
    const all = await clone.read(0, clone.size);
    assert.ok(Buffer.from(all).equals(NEW));
    const { bytesFetched } = clone.stats();
    // And the 10 blocks that showed that the source is another one, and were dropped.
    assert.is(bytesFetched, (100 + 10 - 95) * BIG_BLOCK + NEW.length);
  }));

test("or it is an error, where that is asked for, and what is here is still the old one", () =>
  whileOpen(false, async (clone) => {
    assert.is((await failure(clone.read(200 * BIG_BLOCK, 10))).code, "SOURCE_CHANGED");
    assert.equal(await clone.read(7 * BIG_BLOCK, 99), OLD.slice(7 * BIG_BLOCK).slice(0, 99));
  }));

test("advance brings a clone to the version of another manifest", async () => {
  const [one, other] = [patternBytes(20 * BLOCK), patternBytes(23 * BLOCK + 5)];
  other.set([9, 9], 4 * BLOCK - 1);
  const destination = new MemoryDevice(one.length);
  const from = verified(new ScriptedSource(one.slice()), { manifest: await make(one) });
  const source = await from.open();
  await using clone = await Clone.open({ source, destination, regionSize: BLOCK });
  await clone.hydrated();
  const inner = new ScriptedSource(other.slice(), { identity: "other" });
  await clone.advance(verified(inner, { manifest: await make(other) }));
  await clone.hydrated();
  assert.equal(destination.bytes, other);
  assert.is(inner.servedBytes, 2 * BLOCK + 3 * BLOCK + 5);
});

test("a crash at any step of it loses nothing and mixes nothing", () =>
  survivesCrashes(patternBytes(10 * BLOCK + 100), 100, async (history, version, pause) => {
    const bytes = history.versions[version] ?? new Uint8Array();
    const identity = String(version);
    const inner = new ScriptedSource(bytes.slice(), {
      identity,
      pieces: [BLOCK],
      ...(pause && { pause }),
    });
    return verified(inner, { manifest: await make(bytes) }).open();
  }));

const { VERIFIED_KILLS = "1" } = process.env;

test("killed at any moment, the file is one version whole, and the next run ends with the new", () =>
  onServer(async (origin, url, path) => {
    const manifest = `${path}.m`;
    await writeFile(manifest, NEW_MANIFEST);
    const random = randomFrom(20261129);
    const program = fileURLToPath(new URL("verified-life.js", import.meta.url));
    for (let round = 0; round < Number(VERIFIED_KILLS); round += 1) {
      Object.assign(origin, { bytes: OLD, etag: `"old ${round}"` });
      await finish(url, path, { manifest: OLD_MANIFEST });
      replace(origin);
      for (let tries = 0; !(await isOf(path, NEW)); tries += 1) {
        assert.ok(await isOf(path, OLD));
        const life = spawn(process.execPath, [program, url, path, manifest], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const ended = once(life, "close");
        await once(life.stdout, "data");
        await Promise.race([ended, sleep(random(300) + 300 * tries)]);
        life.kill("SIGKILL");
        await ended;
        assert.ok(existsSync(path));
      }
      const clone = await finish(url, path, { manifest: NEW_MANIFEST });
      const { root } = await openManifest(NEW_MANIFEST);
      assert.match(clone.status().identity, root);
    }
  }));

test.run();
