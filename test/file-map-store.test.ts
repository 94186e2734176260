import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileMapStore } from "../adapters/file/index.ts";
import { isHeadwaterError } from "../lib/errors.ts";
import { codeOf } from "./local-copy-files.ts";

const test = suite("file map store");

const SLOT = 3 * 4096;

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-map-"));
  try {
    await run(join(folder, "map"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("both slots are really written when the file is made", () =>
  inFolder(async (path) => {
    for (const slotSize of [4096, SLOT, 2 ** 20 + 4096]) {
      const store = await FileMapStore.create(path, slotSize);
      const { size, blocks } = await stat(path);
      assert.is(size, 2 * slotSize);
      assert.ok(blocks * 512 >= size, `${blocks} blocks for ${size} bytes`);
      assert.not((await readFile(path)).some(Boolean));
      await store.close();
      await rm(path);
    }
  }));

test("a save touches its own slot only, and never makes the file larger", () =>
  inFolder(async (path) => {
    const store = await FileMapStore.create(path, SLOT);
    await store.save(0, new Uint8Array(SLOT).fill(1));
    await store.save(1, new Uint8Array(SLOT).fill(2));
    await store.save(0, Uint8Array.of(3));
    const expected = Buffer.alloc(2 * SLOT, 1)
      .fill(3, 0, 1)
      .fill(2, SLOT);
    assert.ok(expected.equals(await readFile(path)));
    await store.close();
  }));

test("what does not fit a slot is our bug, and is not written", () =>
  inFolder(async (path) => {
    const store = await FileMapStore.create(path, SLOT);
    assert.throws(() => void store.save(0, new Uint8Array(SLOT + 1).fill(9)), /in a slot of/);
    assert.not((await readFile(path)).some(Boolean));
    await store.close();
  }));

test("larger slots take the place of the file, with what was saved in them", () =>
  inFolder(async (path) => {
    const store = await FileMapStore.create(path, SLOT);
    await store.save(0, Uint8Array.of(1, 2));
    await store.save(1, Uint8Array.of(3));
    await writeFile(`${path}.larger`, "of an attempt that was cut short");
    await store.reserve(4096);
    assert.is(store.slotSize, SLOT);
    await store.reserve(2 * SLOT);
    assert.is(store.slotSize, 2 * SLOT);
    await store.save(1, new Uint8Array(2 * SLOT).fill(4));
    await store.close();

    const again = await FileMapStore.open(path);
    const [even, odd] = await again.load();
    assert.equal(even.slice(0, 3), Uint8Array.of(1, 2, 0));
    assert.equal(odd, new Uint8Array(2 * SLOT).fill(4));
    await again.close();
    assert.is(await codeOf(FileMapStore.open(`${path}.larger`)), "DESTINATION_FAILED");
  }));

test("closing waits for the save under way, and saves nothing after it", () =>
  inFolder(async (path) => {
    const store = await FileMapStore.create(path, SLOT);
    let isSaved = false;
    const saved = store.save(1, Uint8Array.of(7)).then(() => {
      isSaved = true;
    });
    await store.close();
    assert.ok(isSaved);
    await saved;
    assert.is(await codeOf(store.save(0, Uint8Array.of(7))), "CLOSED");
    assert.is((await readFile(path))[SLOT], 7);
  }));

test("a file that is there is not replaced", () =>
  inFolder(async (path) => {
    await writeFile(path, "content");
    assert.is(await codeOf(FileMapStore.create(path, SLOT)), "EXISTS");
    assert.is(await readFile(path, "utf8"), "content");
  }));

test("a file of a length that none of ours has is not opened", () =>
  inFolder(async (path) => {
    for (const length of [0, 1, 4096, 2 * SLOT - 1, 2 * SLOT + 4096]) {
      await writeFile(path, new Uint8Array(length));
      assert.is(await codeOf(FileMapStore.open(path)), "MAP_CORRUPT", `${length} bytes`);
    }
    assert.is(await codeOf(FileMapStore.open(`${path}-missing`)), "DESTINATION_FAILED");
  }));

test("a file that is cut short while it is open is an error", () =>
  inFolder(async (path) => {
    const store = await FileMapStore.create(path, SLOT);
    await truncate(path, SLOT + 5);
    try {
      await store.load();
      assert.unreachable();
    } catch (error) {
      assert.ok(isHeadwaterError(error, "DESTINATION_FAILED"));
      assert.match(error.message, "cut short");
    }
    await store.close();
  }));

test("a slot size that is not whole blocks is the caller's mistake", async () => {
  for (const slotSize of [0, 100, 4097]) {
    try {
      await FileMapStore.create("unused", slotSize);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, RangeError);
    }
  }
});

test.run();
