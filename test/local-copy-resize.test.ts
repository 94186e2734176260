import { appendFile, readFile, stat } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalCopy } from "../adapters/file/index.ts";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { inFolder } from "./local-copy-files.ts";

const test = suite("local copies of another size");

const REGION = 4096;
const SIZE = 5 * REGION;
const original = patternBytes(SIZE);

/** A source of this content, the same one every time. */
function source(): MemoryDevice {
  return new MemoryDevice(original.slice(), { identity: "resized" });
}

const options = { regionSize: REGION, readAround: 0 };

test("a copy ends as a file of the size that it was given", () =>
  inFolder(async (path) => {
    const clone = await hydrate(source(), path, { ...options, noHydration: true });
    await clone.resize(70_000 * REGION); // the map needs more room than it was made with
    await clone.write(SIZE + 5, new Uint8Array([1, 2, 3]));
    await clone.resize(SIZE + 10);
    await clone.hydrate();
    await clone.hydrated();
    await clone.close();
    const expected = new Uint8Array(SIZE + 10);
    expected.set(original);
    expected.set([1, 2, 3], SIZE + 5);
    assert.equal(new Uint8Array(await readFile(path)), expected);
    await using again = await hydrate(source(), path, options);
    assert.is(again.status().hydration, "complete");
    assert.is(again.size, SIZE + 10);
  }));

test("a size that was not yet durable is undone when the copy is found again", () =>
  inFolder(async (path) => {
    const clone = await hydrate(source(), path, { ...options, noHydration: true });
    await clone.write(0, new Uint8Array([9]));
    await clone.resize(SIZE + REGION);
    await clone.close();
    await appendFile(`${path}.partial`, patternBytes(500)); // a longer end, of which no map tells
    const copy = await LocalCopy.open(path);
    assert.is(copy.state, "partial");
    assert.is((await stat(`${path}.partial`)).size, SIZE + REGION);
    const again = await Clone.open({
      source: source(),
      destination: copy.destination,
      mapStore: copy.mapStore,
      closed: () => copy.close(),
    });
    const expected = new Uint8Array(SIZE + REGION);
    expected.set(original);
    expected[0] = 9;
    assert.equal(await again.read(0, 2 * SIZE), expected);
    await again.close();
  }));

test.run();
