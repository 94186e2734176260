import { readFileSync } from "node:fs";
import { link, readFile, unlink, writeFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CopyState, FileMapStore, LocalCopy } from "../adapters/file/index.ts";
import { encodeMap, newestMap } from "../lib/map-format.ts";
import type { StoredMap } from "../lib/stored-map.ts";
import {
  BITMAP_OF_ALL,
  CONTENT,
  contentsOf,
  finish,
  inFolder,
  SIZE,
  SLOT_SIZE,
  UNFINISHED,
} from "./local-copy-files.ts";

const test = suite("crash");

interface Step {
  readonly name: string;
  readonly run: (copy: LocalCopy, path: string) => Promise<void>;
  /** What is found when the process dies after this step. */
  readonly found: CopyState;
}

const HALF = SIZE / 2;

async function save(copy: LocalCopy, changes: Partial<StoredMap>): Promise<void> {
  const { map } = await newestMap(await copy.mapStore.load());
  const generation = (map?.generation ?? 0) + 1;
  const bytes = await encodeMap({ ...UNFINISHED, ...map, ...changes, generation });
  await copy.mapStore.save((generation % 2) as 0 | 1, bytes);
}

/** The life of a copy, in the order of the table in docs/files.md. */
const STEPS: readonly Step[] = [
  {
    name: "the map and the file are made",
    run: (copy) => copy.create({ size: SIZE, regionSize: 65536 }),
    found: "new",
  },
  { name: "the first map is saved", run: (copy) => save(copy, {}), found: "partial" },
  {
    name: "one half lands",
    run: (copy) => copy.destination.write(0, [CONTENT.subarray(0, HALF)]),
    found: "partial",
  },
  {
    name: "and is flushed and saved",
    run: async (copy) => {
      await copy.destination.flush();
      await save(copy, { hydrated: BITMAP_OF_ALL });
    },
    found: "partial",
  },
  {
    name: "the other half lands",
    run: (copy) => copy.destination.write(HALF, [CONTENT.subarray(HALF)]),
    found: "partial",
  },
  { name: "the whole is flushed", run: (copy) => copy.destination.flush(), found: "partial" },
  {
    name: "the map is saved with the fingerprint",
    run: async (copy) => {
      const fingerprint = (await copy.destination.fingerprint?.()) ?? "";
      await save(copy, { complete: true, fingerprint });
    },
    found: "finished",
  },
  {
    name: "the file has both names",
    run: (_, path) => link(`${path}.partial`, path),
    found: "finished",
  },
  {
    name: "the partial name is gone",
    run: (_, path) => unlink(`${path}.partial`),
    found: "finished",
  },
];

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The process is gone: its lock says nothing any more. */
async function crash(path: string): Promise<void> {
  await unlink(`${path}.headwater.lock`);
}

for (const [last, { name, found }] of STEPS.entries()) {
  test(`after "${name}" the copy is ${found}, and can be brought to its end`, () =>
    inFolder(async (path) => {
      const dead = await LocalCopy.open(path);
      for (const { run } of STEPS.slice(0, last + 1)) await run(dead, path);
      await crash(path);

      const copy = await LocalCopy.open(path);
      assert.is(copy.state, found);
      if (found === "new") await copy.create({ size: SIZE });
      if (found !== "finished") {
        await copy.destination.write(0, [CONTENT]);
        await finish(copy);
      }
      await copy.close();
      await dead.close();
      assert.equal(await readFile(path), Buffer.from(CONTENT));

      const again = await LocalCopy.open(path);
      assert.is(again.state, "finished");
      await again.close();
      assert.equal(Object.keys(await contentsOf(path)), ["", ".headwater"]);
    }));
}

for (const generation of [5, 6]) {
  for (const bytes of [1, 64, 100]) {
    test(`a save of generation ${generation} torn after ${bytes} bytes leaves the one before`, () =>
      inFolder(async (path) => {
        const dead = await LocalCopy.open(path);
        await dead.create({ size: SIZE });
        for (let saved = 1; saved < generation; saved += 1) await save(dead, {});
        const next = await encodeMap({ ...UNFINISHED, generation, written: true });
        // The beginning of the new map over the older one that the slot holds.
        await dead.mapStore.save((generation % 2) as 0 | 1, next.subarray(0, bytes));
        await dead.destination.write(0, [CONTENT]);
        await crash(path);

        const copy = await LocalCopy.open(path);
        assert.is(copy.state, "partial");
        assert.is(copy.stored?.generation, generation - 1);
        await copy.close();
        await dead.close();
      }));
  }
}

test("a first save that is torn leaves nothing, and nothing is lost", () =>
  inFolder(async (path) => {
    const dead = await LocalCopy.open(path);
    await dead.create({ size: SIZE });
    const bytes = await encodeMap({ ...UNFINISHED, generation: 1 });
    await dead.mapStore.save(1, bytes.subarray(0, 70));
    await crash(path);
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "new");
    await copy.close();
    await dead.close();
  }));

test("while an earlier copy is removed, its file goes before its map", () =>
  inFolder(async (path) => {
    const dead = await LocalCopy.open(path);
    await dead.create({ size: SIZE });
    await save(dead, {});
    await dead.destination.write(0, [CONTENT]);
    await dead.restart();
    // Somebody who looks again and again, in place of a crash at every moment.
    let isDone = false;
    const watch = async (): Promise<boolean> => {
      while (!isDone) {
        const hasMap = readIfThere(`${path}.headwater`).includes("HWREGMAP");
        const hasData = readIfThere(`${path}.partial`).some(Boolean);
        if (hasData && !hasMap) return true;
        await new Promise(setImmediate);
      }
      return false;
    };
    const wasWithoutMap = watch();
    await dead.create({ size: SIZE });
    isDone = true;
    assert.not(await wasWithoutMap);
    await dead.close();
  }));

test("a copy that dies between its map and its file is new", () =>
  inFolder(async (path) => {
    await (await FileMapStore.create(`${path}.headwater`, SLOT_SIZE)).close();
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "new");
    await copy.create({ size: SIZE });
    await copy.close();
  }));

test("a copy that dies while its map is being made is new", () =>
  inFolder(async (path) => {
    for (const length of [0, 1, 4096, SLOT_SIZE]) {
      await writeFile(`${path}.headwater`, new Uint8Array(length));
      const copy = await LocalCopy.open(path);
      assert.is(copy.state, "new");
      await copy.close();
    }
  }));

test.run();
