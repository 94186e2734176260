import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import {
  Clone,
  type CloneOptions,
  HeadwaterError,
  joinRanges,
  mergeTraces,
  parseTrace,
  type Trace,
} from "../lib/index.ts";
import { until } from "./devices/held-source.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";

const test = suite("trace");

const REGION = 65536;
const COUNT = 200;
const SIZE = COUNT * REGION - 1000;
const original = Uint8Array.from({ length: SIZE }, (_, index) => index % 251);

const openClone = (options: Partial<CloneOptions> = {}): Promise<Clone> => {
  const source = options.source ?? new ScriptedSource(original);
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ noHydration: true, destination, ...options, source });
};

const tracing = (...ranges: [offset: number, length: number][]): Trace => ({
  format: "headwater-trace",
  version: 1,
  identity: "scripted",
  size: SIZE,
  ranges,
});

test("each region is recorded when it is first read, local or not, from the first call on", async () => {
  await using clone = await openClone();
  await clone.read(50 * REGION, 10);
  assert.equal(clone.trace(), tracing());
  await clone.read(SIZE - 5, 100);
  await clone.read(3 * REGION - 1, 2);
  await until(() => clone.readIntoSync(50 * REGION, new Uint8Array(10)) === 10); // local already
  await clone.read(4 * REGION, 10); // lies beside the two
  await clone.read(SIZE - 9, 2);
  assert.equal(
    clone.trace(),
    tracing([199 * REGION, REGION - 1000], [2 * REGION, 3 * REGION], [50 * REGION, REGION]),
  );
});

test("a warm start fetches what was read before anybody reads it, in few requests", async () => {
  const source = new ScriptedSource(original);
  // Apart by less than what is worth a request, and one far away.
  const trace = tracing([100 * REGION, REGION], [103 * REGION, REGION], [10, 10]);
  await using clone = await openClone({ source, warm: trace });
  await until(() => clone.status().hydratedCount === 5);
  assert.is(source.calls, 2);
  assert.is(clone.hydratedBytesIn(100 * REGION, 4 * REGION), 4 * REGION);
  await clone.read(103 * REGION, 1000);
  await clone.read(0, 1000);
  assert.is(source.calls, 2);
  assert.equal(clone.trace(), tracing()); // it records what is read, not what is fetched
});

test("of a blob of another size nothing is fetched", async () => {
  const source = new ScriptedSource(original);
  const trace = { ...tracing([0, 10]), size: SIZE + 1 };
  await using clone = await openClone({ source, warm: trace });
  await new Promise((done) => setTimeout(done, 20));
  assert.is(source.calls, 0);
  assert.is(clone.status().hydratedCount, 0);
});

test("a trace goes to JSON and back, and what is none is told", () => {
  const trace = tracing([0, 10], [100, 10]);
  assert.equal(parseTrace(JSON.stringify(trace)), trace);
  const wrong: unknown[] = [
    null,
    [],
    { ...trace, format: "trace" },
    { ...trace, version: 2 },
    { ...trace, size: -1 },
    { ...trace, identity: 1 },
    { ...trace, ranges: {} },
    { ...trace, ranges: [[SIZE, 1]] },
    { ...trace, ranges: [[0.5, 1]] },
    { ...trace, ranges: [["0", 1]] },
  ];
  for (const value of ["", "{", ...wrong.map((each) => JSON.stringify(each))]) {
    assert.throws(
      () => parseTrace(value),
      (error: unknown) => error instanceof HeadwaterError && error.code === "CORRUPT",
      value,
    );
  }
});

test("merged, what several runs read early comes first, and each byte once", () => {
  const merged = mergeTraces([
    tracing([1000, 10], [50, 10], [2000, 10]),
    tracing([3000, 10], [1005, 10]),
  ]);
  assert.equal(merged, tracing([1000, 15], [3000, 10], [50, 10], [2000, 10]));
  assert.throws(() => mergeTraces([]), "no trace");
  assert.throws(() => mergeTraces([tracing(), { ...tracing(), size: 1 }]), "another of 1");
});

test("ranges are joined where they are near, at the place of the first", () => {
  const ranges = [
    { offset: 500, length: 10 },
    { offset: 30, length: 10 },
    { offset: 0, length: 0 },
    { offset: 0, length: 20 },
    { offset: 5, length: 3 },
  ];
  assert.equal(joinRanges(ranges, 9), [
    { offset: 500, length: 10 },
    { offset: 30, length: 10 },
    { offset: 0, length: 20 },
  ]);
  assert.equal(joinRanges(ranges, 10), [
    { offset: 500, length: 10 },
    { offset: 0, length: 40 },
  ]);
});

test.run();
