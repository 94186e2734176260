import { readFile, rename, writeFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalCopy } from "../adapters/file/index.ts";
import { encodeMap, newestMap } from "../lib/map-format.ts";
import {
  almostWhole,
  CONTENT,
  codeOf,
  finish,
  finished,
  inFolder,
  UNFINISHED,
} from "./local-copy-files.ts";

const test = suite("restart");

test("a copy of another source starts over, and only then are its files removed", () =>
  inFolder(async (path) => {
    await (await almostWhole(path)).close();
    const copy = await LocalCopy.open(path);
    await copy.restart();
    assert.is(copy.state, "new");
    assert.is(copy.stored, undefined);
    assert.equal(await readFile(`${path}.partial`), Buffer.from(CONTENT));
    await copy.create({ size: 5 });
    assert.equal(await readFile(`${path}.partial`), Buffer.alloc(5));
    assert.equal(await newestMap(await copy.mapStore.load()), {});
    await copy.close();
  }));

test("what a user wrote is not given up without discardLocal", () =>
  inFolder(async (path) => {
    const begun = await almostWhole(path);
    await begun.mapStore.save(1, await encodeMap({ ...UNFINISHED, generation: 5, written: true }));
    await begun.close();
    const copy = await LocalCopy.open(path, { overwrite: true });
    assert.is(await codeOf(copy.restart()), "SOURCE_CHANGED");
    assert.is(copy.state, "partial");
    await copy.close();
    const again = await LocalCopy.open(path, { discardLocal: true });
    await again.restart();
    assert.is(again.state, "new");
    await again.close();
  }));

test("a finished copy starts over only with overwrite, and stays until then", () =>
  inFolder(async (path) => {
    await finished(path);
    const copy = await LocalCopy.open(path);
    assert.is(await codeOf(copy.restart()), "EXISTS");
    await copy.close();
    const again = await LocalCopy.open(path, { overwrite: true });
    await again.restart();
    await again.create({ size: 5 });
    assert.equal(await readFile(path), Buffer.from(CONTENT));
    await finish(again);
    assert.equal(await readFile(path), Buffer.alloc(5));
    await again.close();
  }));

test("what lies under the partial name beside a finished copy needs discardLocal too", () =>
  inFolder(async (path) => {
    await finished(path);
    await writeFile(`${path}.partial`, "foreign");
    const copy = await LocalCopy.open(path, { overwrite: true });
    assert.is(await codeOf(copy.restart()), "EXISTS");
    await copy.close();
    assert.is(await readFile(`${path}.partial`, "utf8"), "foreign");
  }));

test("a copy that was just renamed can start over", () =>
  inFolder(async (path) => {
    await finished(path);
    await rename(path, `${path}.partial`);
    const copy = await LocalCopy.open(path, { overwrite: true });
    assert.is(copy.state, "finished");
    await copy.restart();
    await copy.close();
  }));

test.run();
