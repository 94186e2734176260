import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalCopy } from "../adapters/file/index.ts";
import { hydrate } from "../adapters/hydrate.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { type Clone, HeadwaterError } from "../lib/index.ts";
import { History, openerOf } from "./devices/history.ts";
import { inFolder } from "./local-copy-files.ts";
import { failure } from "./rejection.ts";

const test = suite("local copy that advances");

const REGION = 4096;
const FIRST = patternBytes(40 * REGION + 100);
const history = new History(FIRST);
history.add({ size: FIRST.length + 30 * REGION, edits: [{ offset: 9 * REGION, length: 10 }] });
history.add({ size: 20 * REGION, edits: [{ offset: REGION, length: REGION }] });

function version(number: number): Buffer {
  return Buffer.from(history.versions[number] ?? new Uint8Array());
}

function open(path: string, number: number, options = {}): Promise<Clone> {
  return hydrate(openerOf(history.source(number)), path, {
    regionSize: REGION,
    readAround: 0,
    ...options,
  });
}

async function finish(path: string, number: number): Promise<void> {
  const clone = await open(path, number);
  try {
    await clone.hydrated();
  } finally {
    await clone.close();
  }
}

/** The files of the copy, without the path of the folder. */
async function namesBeside(path: string): Promise<string[]> {
  const names = await readdir(dirname(path));
  return names.map((name) => name.replace(basename(path), "")).sort();
}

test("a finished file stays as it is until the next version of it is whole", () =>
  inFolder(async (path) => {
    await finish(path, 0);
    const clone = await open(path, 1, { revalidate: true, noHydration: true });
    assert.equal(await clone.read(0, clone.size), new Uint8Array(version(1)));
    assert.ok((await readFile(path)).equals(version(0)));
    assert.ok((await namesBeside(path)).includes(".partial"));
    await clone.hydrate();
    await clone.hydrated();
    assert.ok((await readFile(path)).equals(version(1)));
    await clone.close();
    assert.equal(await namesBeside(path), ["", ".headwater"]);
  }));

test("only what has changed is fetched", () =>
  inFolder(async (path) => {
    await finish(path, 0);
    const source = history.source(1);
    const clone = await hydrate(openerOf(source), path, { regionSize: REGION, revalidate: true });
    const told: unknown[] = [];
    clone.on("advanced", (event) => told.push(event));
    await clone.hydrated();
    await clone.close();
    assert.is(source.servedBytes, (1 + 30) * REGION + 100);
    assert.equal(told, [{ from: "0", to: "1", keptBytes: 39 * REGION, reason: undefined }]);
  }));

test("one clone goes from version to version, and its file with it", () =>
  inFolder(async (path) => {
    const clone = await open(path, 0);
    for (const number of [1, 2]) {
      await clone.hydrated();
      assert.ok((await readFile(path)).equals(version(number - 1)));
      await clone.advance(history.source(number));
      assert.equal(await clone.read(0, clone.size), new Uint8Array(version(number)));
    }
    await clone.hydrated();
    assert.ok((await readFile(path)).equals(version(2)));
    await clone.close();
    assert.equal(await namesBeside(path), ["", ".headwater"]);
  }));

test("an unfinished copy that advanced and was left goes on from there", () =>
  inFolder(async (path) => {
    const clone = await open(path, 0, { noHydration: true });
    await clone.hydrate({ ranges: [{ offset: 0, length: 15 * REGION }] });
    await clone.advance(history.source(1));
    await clone.close();
    const source = history.source(1);
    const again = await hydrate(openerOf(source), path, { regionSize: REGION });
    await again.hydrated();
    await again.close();
    assert.ok((await readFile(path)).equals(version(1)));
    assert.is(source.servedBytes, version(1).length - 14 * REGION);
  }));

test("a copy that a user wrote to does not advance, finished or not", () =>
  inFolder(async (path) => {
    await finish(path, 0);
    const writing = await open(path, 0);
    await writing.write(0, new Uint8Array(10));
    await writing.close();
    const before = await readFile(path);
    assert.is((await failure(open(path, 1, { revalidate: true }))).code, "EXISTS");
    assert.ok((await readFile(path)).equals(before));
  }));

test("what is in the way of the next version is not thrown away", () =>
  inFolder(async (path) => {
    const clone = await open(path, 0);
    await clone.hydrated();
    await clone.close();
    await writeFile(`${path}.partial`, "somebody's");
    const again = await open(path, 0);
    const error = await failure(again.advance(history.source(1)));
    assert.is(error.code, "EXISTS");
    // The clone is as it was.
    assert.equal(await again.read(0, 100), FIRST.slice(0, 100));
    assert.is(again.size, FIRST.length);
    await again.close();
    assert.is(await readFile(`${path}.partial`, "utf8"), "somebody's");
  }));

/** Where a process may be killed while a finished file advances. */
const STEPS = ["unfinish", "reserve", "save 1", "save 2", "place", "resize", "finish"] as const;

/** Advances the finished file, and lets go of everything at this step, as a kill would. */
async function killedAt(path: string, step: string): Promise<void> {
  const copy = await LocalCopy.open(path);
  const { destination, mapStore } = copy;
  const killed = new HeadwaterError("DESTINATION_FAILED", "killed");
  let isDead = false;
  let saves = 0;
  const reach = (at: string): void => {
    if (at === step) isDead = true;
    if (isDead) throw killed;
  };
  const mortal = {
    get size() {
      return destination.size;
    },
    readInto: (offset: number, target: Uint8Array) => destination.readInto(offset, target),
    write: async (offset: number, pieces: readonly Uint8Array[]) => {
      reach("write");
      await destination.write(offset, pieces);
    },
    discard: (offset: number, length: number) => destination.discard(offset, length),
    flush: () => destination.flush(),
    fingerprint: async () => (await destination.fingerprint?.()) ?? "",
    resize: async (size: number) => {
      reach("resize");
      await destination.resize(size);
    },
    unfinish: async () => {
      const place = await destination.unfinish?.();
      reach("unfinish");
      return async () => {
        reach("place");
        await place?.();
      };
    },
    finish: async () => {
      reach("finish");
      await destination.finish?.();
    },
    close: () => destination.close(),
    [Symbol.asyncDispose]: () => destination.close(),
  };
  const store = {
    load: () => mapStore.load(),
    reserve: async (slotSize: number) => {
      reach("reserve");
      await mapStore.reserve?.(slotSize);
    },
    save: async (slot: 0 | 1, bytes: Uint8Array) => {
      saves += 1;
      reach(`save ${saves}`);
      await mapStore.save(slot, bytes);
    },
    close: () => mapStore.close(),
    [Symbol.asyncDispose]: () => mapStore.close(),
  };
  const { Clone: CloneClass } = await import("../lib/index.ts");
  const source = history.source(1);
  try {
    const clone = await CloneClass.open({ source, destination: mortal, mapStore: store });
    await clone.hydrated().catch(() => {});
    await clone.close().catch(() => {});
  } finally {
    await copy.close();
  }
  assert.ok(isDead, `the step ${step} was never reached`);
}

for (const step of STEPS) {
  test(`killed at ${step}, the next one finishes the way to the new version`, () =>
    inFolder(async (path) => {
      await finish(path, 0);
      await killedAt(path, step);
      // A reader of the file finds a whole version, the former one.
      assert.ok((await readFile(path)).equals(version(0)));
      const clone = await open(path, 1, { revalidate: true });
      assert.equal(await clone.read(0, clone.size), new Uint8Array(version(1)));
      await clone.hydrated();
      await clone.close();
      assert.ok((await readFile(path)).equals(version(1)));
      assert.equal(await namesBeside(path), ["", ".headwater"]);
    }));
}

test("a copy aside that belongs to no advance is removed", () =>
  inFolder(async (path) => {
    await finish(path, 0);
    await copyFile(path, `${path}.advance`);
    await finish(path, 0);
    assert.equal(await namesBeside(path), ["", ".headwater"]);
  }));

test.run();
