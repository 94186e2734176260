import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as zarr from "zarrita";
import { hydrateKeys, ZarrStore } from "../adapters/zarr.ts";
import { type Clone, HeadwaterError } from "../lib/index.ts";
import { openClone } from "./formats/reading.ts";
import { failure } from "./rejection.ts";

const test = suite("Zarr through clones");

const SHAPE = [100, 120] as const;

/** A hierarchy of objects by key, with an array `/temperature` in chunks of 30 x 50. */
async function made(): Promise<Map<zarr.AbsolutePath, Uint8Array>> {
  const objects = new Map<zarr.AbsolutePath, Uint8Array>();
  const root = zarr.root(objects);
  await zarr.create(root);
  const array = await zarr.create(root.resolve("temperature"), {
    shape: [...SHAPE],
    chunkShape: [30, 50],
    dtype: "float32",
    fillValue: -1,
  });
  const data = new Float32Array(SHAPE[0] * SHAPE[1]).map((_, index) => Math.fround(index / 7));
  await zarr.set(array, null, { data, shape: [...SHAPE], stride: [SHAPE[1], 1] });
  return objects;
}

class Clones {
  readonly opened = new Map<string, Clone>();
  readonly #objects: ReadonlyMap<string, Uint8Array>;

  constructor(objects: ReadonlyMap<string, Uint8Array>) {
    this.#objects = objects;
  }

  readonly open = async (key: string): Promise<Clone> => {
    const bytes = this.#objects.get(key);
    if (bytes === undefined) throw new HeadwaterError("SOURCE_NOT_FOUND", `there is no ${key}`);
    assert.not(this.opened.has(key), `${key} is opened once`);
    const clone = await openClone(bytes.slice());
    this.opened.set(key, clone);
    return clone;
  };

  async close(): Promise<void> {
    for (const clone of this.opened.values()) await clone.close();
  }
}

const window = [zarr.slice(10, 50), zarr.slice(20, 90)];

async function ask(store: zarr.Readable): Promise<Float32Array> {
  const array = await zarr.open(zarr.root(store).resolve("temperature"), { kind: "array" });
  const { data } = await zarr.get(array, window);
  return data as Float32Array;
}

test("a window is read as from memory, of the chunks that it lies in", async () => {
  const objects = await made();
  const clones = new Clones(objects);
  const store = new ZarrStore(clones.open);
  assert.equal(await ask(store), await ask(objects));
  assert.equal([...clones.opened.keys()].filter((key) => key.includes("/c/")).sort(), [
    "/temperature/c/0/0",
    "/temperature/c/0/1",
    "/temperature/c/1/0",
    "/temperature/c/1/1",
  ]);
  const fetched = [...clones.opened.values()].reduce((sum, { size }) => sum + size, 0);
  assert.is(
    [...clones.opened.values()].reduce((sum, clone) => sum + clone.stats().bytesFetched, 0),
    fetched,
  );
  await clones.close();
});

test("keys that were brought are read without a request", async () => {
  const objects = await made();
  const clones = new Clones(objects);
  const store = new ZarrStore(clones.open);
  await hydrateKeys(store, [...objects.keys(), "/nothing"]);
  const before = [...clones.opened.values()].map((clone) => clone.stats().bytesFetched);
  assert.equal(await ask(store), await ask(objects));
  assert.equal(
    [...clones.opened.values()].map((clone) => clone.stats().bytesFetched),
    before,
  );
  await clones.close();
});

test("parts of a key are read, from the end too", async () => {
  const bytes = Uint8Array.from({ length: 9000 }, (_, index) => index % 251);
  const clones = new Clones(new Map([["/x", bytes]]));
  const store = new ZarrStore(clones.open);
  const part = async (range: zarr.RangeQuery): Promise<unknown> => store.getRange("/x", range);
  assert.equal(await part({ offset: 100, length: 50 }), bytes.subarray(100, 150));
  assert.equal(await part({ suffixLength: 50 }), bytes.subarray(8950));
  assert.equal(await part({ suffixLength: 10_000 }), bytes);
  assert.is(await store.getRange("/y", { suffixLength: 1 }), undefined);
  await clones.close();
});

test("a chunk that is not there is fill value; one that fails is not, and can be had later", async () => {
  const objects = await made();
  objects.delete("/temperature/c/1/1");
  const clones = new Clones(objects);
  const store = new ZarrStore(clones.open);
  assert.equal(await ask(store), await ask(objects));
  assert.ok((await ask(objects)).includes(-1));
  await clones.close();

  let isDown = true;
  const others = new Clones(objects);
  const flaky = new ZarrStore(async (key) => {
    if (isDown) throw new HeadwaterError("SOURCE_FAILED", "down", { retryable: true });
    return others.open(key);
  });
  assert.is((await failure(flaky.get("/temperature/c/0/0"))).code, "SOURCE_FAILED");
  isDown = false;
  assert.equal(await ask(flaky), await ask(objects));
  await others.close();
});

test.run();
