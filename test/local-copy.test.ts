import {
  appendFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalCopy } from "../adapters/file/index.ts";
import { newestMap } from "../lib/map-format.ts";
import {
  almostWhole,
  CONTENT,
  codeOf,
  contentsOf,
  finish,
  finished,
  inFolder,
  SIZE,
  UNFINISHED,
} from "./local-copy-files.ts";

const test = suite("local copy");

test("a new copy takes no space, and its map all that it will ever need", () =>
  inFolder(async (path) => {
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "new");
    await copy.create({ size: 2 ** 33 });
    assert.is(copy.state, "partial");
    const [partial, map] = [await stat(`${path}.partial`), await stat(`${path}.headwater`)];
    assert.is(partial.size, 2 ** 33);
    assert.is(partial.blocks, 0);
    assert.ok(map.blocks * 512 >= map.size, "the map has holes");
    await copy.close();
  }));

test("it is the file in the end, whole, with its map beside it", () =>
  inFolder(async (path) => {
    const copy = await almostWhole(path);
    await finish(copy);
    assert.is(copy.state, "finished");
    const bytes = new Uint8Array(SIZE);
    await copy.destination.readInto(0, bytes);
    assert.equal(bytes, CONTENT, "read through the rename");
    await copy.close();
    const { "": file, ".headwater": map, ...rest } = await contentsOf(path);
    assert.ok(Buffer.from(CONTENT).equals(Buffer.from(file ?? "", "latin1")));
    assert.ok(map);
    assert.equal(rest, {});
  }));

test("what was begun goes on, with its map", () =>
  inFolder(async (path) => {
    await (await almostWhole(path)).close();
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "partial");
    assert.equal(copy.stored, UNFINISHED);
    assert.equal(copy.known, { size: SIZE, identity: UNFINISHED.identity });
    assert.equal((await newestMap(await copy.mapStore.load())).map, UNFINISHED);
    await finish(copy);
    assert.equal(await readFile(path), Buffer.from(CONTENT));
    await copy.close();
  }));

test("a file that appears meanwhile is not replaced, and nothing is lost", () =>
  inFolder(async (path) => {
    const copy = await almostWhole(path);
    await writeFile(path, "foreign");
    assert.is(await codeOf(finish(copy)), "EXISTS");
    await copy.close();
    assert.is(await readFile(path, "utf8"), "foreign");
    assert.equal(await readFile(`${path}.partial`), Buffer.from(CONTENT));

    await rename(path, `${path}-foreign`);
    const again = await LocalCopy.open(path);
    assert.is(again.state, "finished");
    await again.close();
    assert.equal(await readFile(path), Buffer.from(CONTENT));
  }));

test("with overwrite the old file is there until the new one is whole", () =>
  inFolder(async (path) => {
    await writeFile(path, "foreign");
    const copy = await almostWhole(path, true);
    assert.is(await readFile(path, "utf8"), "foreign");
    await finish(copy);
    assert.equal(await readFile(path), Buffer.from(CONTENT));
    await copy.close();
  }));

const CHANGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  size: (path) => appendFile(path, "x"),
  time: (path) => utimes(path, 1, 1),
  inode: async (path) => {
    await writeFile(`${path}-other`, await readFile(path));
    const { atimeMs, mtimeMs } = await stat(path);
    await utimes(`${path}-other`, atimeMs / 1000, mtimeMs / 1000);
    await rename(`${path}-other`, path);
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`a finished file with another ${what} has diverged, and says how to go on`, () =>
    inFolder(async (path) => {
      await finished(path);
      await change(path);
      const before = await readFile(path);
      try {
        await LocalCopy.open(path);
        assert.unreachable();
      } catch (error) {
        assert.instance(error, Error);
        assert.match(String(error), "was modified or replaced after it was finished");
        assert.match(String(error), "set overwrite");
      }
      assert.equal(await readFile(path), before);
    }));
}

test("writes through a clone move the time of a finished file, and nothing else may move", () =>
  inFolder(async (path) => {
    await finished(path, true);
    await CHANGES.time?.(path);
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "finished");
    await copy.close();
    await CHANGES.size?.(path);
    assert.is(await codeOf(LocalCopy.open(path)), "DIVERGED");
  }));

test("a second opening is locked out, whatever way it takes to the folder", () =>
  inFolder(async (path) => {
    const other = join(dirname(path), "way");
    await symlink(dirname(path), other);
    const copy = await LocalCopy.open(path);
    assert.is(await codeOf(LocalCopy.open(path)), "LOCKED");
    assert.is(await codeOf(LocalCopy.open(join(other, "file"))), "LOCKED");
    await copy.close();
    await copy.close();
    await (await LocalCopy.open(join(other, "file"))).close();
  }));

for (const name of ["", ".partial", ".headwater"]) {
  test(`<file>${name} that is a folder or a link is refused, with every option`, () =>
    inFolder(async (path) => {
      const consent = { overwrite: true, discardLocal: true };
      await mkdir(path + name);
      assert.is(await codeOf(LocalCopy.open(path, consent)), "EXISTS");
      await rm(path + name, { recursive: true });
      await symlink("/dev/null", path + name);
      assert.is(await codeOf(LocalCopy.open(path, consent)), "EXISTS");
    }));
}

test("a folder that is not there is an error that names it", () =>
  inFolder(async (path) => {
    try {
      await LocalCopy.open(join(path, "none", "file"));
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), `cannot find the folder ${join(path, "none")}`);
    }
  }));

test("a copy that will not fit is refused with the numbers, unless it may stay sparse", () =>
  inFolder(async (path) => {
    const { bavail, bsize } = await statfs(dirname(path));
    const size = bavail * bsize + 2 ** 40;
    const copy = await LocalCopy.open(path);
    try {
      await copy.create({ size });
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), new RegExp(`needs ${size} more bytes, and .* has \\d+ free`));
    }
    assert.equal(Object.keys(await contentsOf(path)), [".headwater.lock"]);
    await copy.create({ size, sparse: true });
    assert.is(copy.destination.size, size);
    await copy.close();
  }));

test("a region size that is not allowed is the caller's mistake, and makes nothing", () =>
  inFolder(async (path) => {
    const copy = await LocalCopy.open(path);
    try {
      await copy.create({ size: SIZE, regionSize: 5000 });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, RangeError);
    }
    assert.equal(Object.keys(await contentsOf(path)), [".headwater.lock"]);
    await copy.close();
  }));

test("the lock goes last, when nothing is open any more, also where a close fails", async () => {
  for (const failing of ["none", "destination", "map"] as const) {
    await inFolder(async (path) => {
      const copy = await almostWhole(path);
      const { destination, mapStore } = copy;
      const ends: (() => void)[] = [];
      for (const [name, part] of Object.entries({ destination, map: mapStore })) {
        const close = part.close.bind(part);
        part.close = async () => {
          if (name === failing) throw new Error(`${name} failed`);
          await new Promise<void>((resolve) => ends.push(resolve));
          await close();
        };
      }
      const closed = copy.close().then(
        () => "none",
        (error) => String(error).split(" ")[1],
      );
      for (const _ of ["destination", "map"].filter((name) => name !== failing)) {
        // Time enough for a lock that does not wait to be gone.
        for (let turn = 0; turn < 20; turn += 1) await stat(dirname(path));
        assert.is(await codeOf(LocalCopy.open(path)), "LOCKED");
        ends.shift()?.();
      }
      assert.is(await closed, failing);
      await (await LocalCopy.open(path)).close();
    });
  }
});

test("an empty blob has an empty file", () =>
  inFolder(async (path) => {
    const copy = await LocalCopy.open(path);
    await copy.create({ size: 0 });
    await finish(copy, { ...UNFINISHED, size: 0, sourceSize: 0 });
    await copy.close();
    assert.is((await stat(path)).size, 0);
    const again = await LocalCopy.open(path);
    assert.is(again.state, "finished");
    await again.close();
  }));

test("an aborted opening leaves no lock", () =>
  inFolder(async (path) => {
    const reason = new Error("enough");
    for (const wait of [() => {}, () => new Promise(setImmediate)]) {
      const abort = new AbortController();
      const opening = LocalCopy.open(path, { signal: abort.signal });
      await wait();
      abort.abort(reason);
      await opening.then(
        () => assert.unreachable(),
        (error) => assert.is(error, reason),
      );
      assert.equal(await contentsOf(path), {});
    }
  }));

test("a second name elsewhere does not hinder the first", () =>
  inFolder(async (path) => {
    const copy = await almostWhole(path);
    await link(`${path}.partial`, `${path}-backup`);
    await finish(copy);
    await copy.close();
    const again = await LocalCopy.open(path);
    assert.is(again.state, "finished");
    await again.close();
  }));

test.run();
