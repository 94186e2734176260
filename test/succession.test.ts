import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, HeadwaterError } from "../lib/index.ts";
import { History, type VersionedSource } from "./devices/history.ts";
import { failure } from "./rejection.ts";

const test = suite("succession");

const REGION = 4096;
const SIZE = 40 * REGION;

/** Three versions, each of which lasts until somebody says otherwise. */
function threeVersions(): { history: History; sources: VersionedSource[] } {
  const history = new History(patternBytes(SIZE));
  for (const region of [3, 7]) {
    history.add({ size: SIZE, edits: [{ offset: region * REGION, length: REGION }] });
  }
  const sources = [0, 1, 2].map((version) => history.source(version));
  return { history, sources };
}

function open(source: VersionedSource, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ source, destination, regionSize: REGION, readAround: 0, ...options });
}

test("a read of a version that is gone is one of the next version", async () => {
  const { history, sources } = threeVersions();
  const [first, second] = sources as [VersionedSource, VersionedSource];
  first.next = async () => second;
  await using clone = await open(first, { noHydration: true, ownsSource: true });
  await clone.read(0, 2 * REGION);
  first.isGone = true;
  const told: unknown[] = [];
  clone.on("advanced", (event) => told.push(event));
  const reads = [3, 9, 20].map((region) => clone.read(region * REGION, REGION));
  for (const [index, region] of [3, 9, 20].entries()) {
    const offset = region * REGION;
    assert.equal(await reads[index], history.versions[1]?.slice(offset, offset + REGION));
  }
  assert.equal(told, [{ from: "0", to: "1", keptBytes: 2 * REGION, reason: undefined }]);
  assert.ok(first.isClosed);
  assert.is(second.servedBytes, 3 * REGION);
});

test("hydration goes on with the next version, and the one after that", async () => {
  const { history, sources } = threeVersions();
  const [first, second, third] = sources as [VersionedSource, VersionedSource, VersionedSource];
  first.next = async () => second;
  second.next = async () => third;
  const destination = new MemoryDevice(SIZE);
  const limits = { hydrationBatchSize: 4, hydrationThreshold: 4 };
  await using clone = await open(first, { destination, ...limits });
  const stalls: unknown[] = [];
  clone.on("stalled", (error) => stalls.push(error));
  clone.on("landed", () => {
    if (clone.status().hydratedCount > 10) first.isGone = true;
    if (clone.status().hydratedCount > 25) second.isGone = true;
  });
  await clone.hydrated();
  assert.equal(destination.bytes, history.versions[2]);
  assert.equal(stalls, []);
  assert.ok(second.servedBytes > 0);
  assert.ok(third.servedBytes > 0);
});

test("a next version that is gone too, before it was known what it changed, is left for another", async () => {
  const { history, sources } = threeVersions();
  const [first, second, third] = sources as [VersionedSource, VersionedSource, VersionedSource];
  second.changedSince = () => Promise.reject(new HeadwaterError("SOURCE_NOT_FOUND", "1 is gone"));
  const versions = [second, third];
  first.next = async () => versions.shift();
  await using clone = await open(first, { noHydration: true });
  await clone.read(0, 2 * REGION);
  first.isGone = true;
  const read = await clone.read(7 * REGION, REGION);
  assert.equal(read, history.versions[2]?.slice(7 * REGION, 8 * REGION));
  assert.ok(second.isClosed);
  assert.is(clone.hydratedBytesIn(0, 2 * REGION), 2 * REGION);
});

test("nobody has to wait for it", async () => {
  const { sources } = threeVersions();
  const [first, second] = sources as [VersionedSource, VersionedSource];
  first.next = async () => second;
  first.isGone = true;
  await using clone = await open(first);
  await new Promise<void>((resolve) => clone.once("hydrated", resolve));
  assert.is(clone.status().identity, "1");
});

test("where no version follows, the error is what it was", async () => {
  const { sources } = threeVersions();
  const [first, second] = sources as [VersionedSource, VersionedSource];
  const cases: { next: VersionedSource["next"]; options: Partial<CloneOptions>; words: RegExp }[] =
    [
      { next: async () => undefined, options: {}, words: /^0 is gone$/ },
      { next: async () => first, options: {}, words: /^0 is gone$/ },
      { next: async () => second, options: { autoAdvance: false }, words: /^0 is gone$/ },
      {
        next: () => Promise.reject(new HeadwaterError("SOURCE_FAILED", "the store is down")),
        options: {},
        words: /^0 is gone; and no later version can be had: the store is down$/,
      },
    ];
  first.isGone = true;
  for (const { next, options, words } of cases) {
    first.next = next;
    await using clone = await open(first, { noHydration: true, ...options });
    const error = await failure(clone.read(0, 1));
    assert.is(error.code, "SOURCE_CHANGED");
    assert.match(error.message, words);

    await using hydrating = await open(first, options);
    const stalled = new Promise<HeadwaterError>((resolve) => hydrating.once("stalled", resolve));
    assert.match((await failure(hydrating.hydrated())).message, words);
    assert.match((await stalled).message, words);
  }
});

test("a copy that a user wrote to stays of its version", async () => {
  const { sources } = threeVersions();
  const [first, second] = sources as [VersionedSource, VersionedSource];
  first.next = async () => second;
  await using clone = await open(first, { noHydration: true });
  await clone.write(0, new Uint8Array(REGION));
  first.isGone = true;
  assert.is((await failure(clone.read(REGION, 1))).code, "SOURCE_CHANGED");
  assert.is(clone.status().identity, "0");
  assert.is(second.calls, 0);
});

test("who does not want to wait for the next version need not", async () => {
  const { sources } = threeVersions();
  const [first] = sources as [VersionedSource];
  let asked = (): void => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  first.next = () => {
    asked();
    return new Promise(() => {});
  };
  first.isGone = true;
  const clone = await open(first, { noHydration: true });
  const abort = new AbortController();
  const read = clone.read(0, 1, { signal: abort.signal }).catch((error) => error);
  await isAsked;
  abort.abort(new Error("enough"));
  assert.is((await read).message, "enough");
  await clone.close(); // though the next version never comes
});

test.run();
