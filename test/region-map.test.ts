import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type BitmapLibrary, loadBitmaps, RegionMap } from "../lib/index.ts";

const test = suite("region map");

const names = ["roaring", "roaring-wasm"] as const;
const libraries = new Map<string, BitmapLibrary>();
for (const name of names) {
  try {
    libraries.set(name, await loadBitmaps(name));
  } catch {
    console.log(`skipped: the package ${name} is not installed or was not built`);
  }
}

test("there is always a library", async () => {
  assert.ok(libraries.has("roaring-wasm"));
  assert.ok((await loadBitmaps()).name.startsWith("roaring"));
});

for (const [name, library] of libraries) {
  test(`${name}: says what a set of numbers says`, () =>
    fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), runsOf(40), checkMarks)));

  test(`${name}: and so where bitmaps are of several kinds`, () =>
    fc.assert(fc.property(fc.constant(150_000), runsOf(60_000), checkMarks), { numRuns: 8 }));

  const checkMarks = (regionCount: number, runs: readonly (readonly [number, number])[]): void => {
    const map = RegionMap.create(library, regionCount);
    const model = new Set<number>();
    for (const [from, length] of runs) {
      const first = from % regionCount;
      const end = Math.min(regionCount, first + length);
      map.markHydrated(first, end);
      for (let region = first; region < end; region += 1) model.add(region);
    }
    checkSame(map, model);
    checkSame(RegionMap.restore(library, regionCount, map.snapshot()), model);
  };

  test(`${name}: a snapshot is not changed by what is marked later`, () => {
    const map = RegionMap.create(library, 10);
    map.markHydrated(2, 4);
    const snapshot = map.snapshot();
    map.markHydrated(7, 8);
    assert.is(RegionMap.restore(library, 10, snapshot).hydratedCount, 2);
  });

  test(`${name}: a map that marks regions that do not exist is not believed`, () => {
    const map = RegionMap.create(library, 10);
    map.markHydrated(9, 10);
    assert.throws(
      () => RegionMap.restore(library, 9, map.snapshot()),
      /marks 1 regions past the 9/,
    );
  });

  test(`${name}: a map of 2^24 regions stays small`, () => {
    const map = RegionMap.create(library, 2 ** 24);
    for (let region = 0; region < 2 ** 24; region += 4099) map.markHydrated(region, region + 1);
    assert.is(map.nextMissing(4099), 4100);
    assert.ok(map.snapshot().length < 16_384);
  });

  test(`${name}: a map of no regions is complete`, () => {
    const map = RegionMap.create(library, 0);
    assert.ok(map.isComplete);
    assert.is(map.nextMissing(0), undefined);
    assert.ok(RegionMap.restore(library, 0, map.snapshot()).isComplete);
  });
}

test("both libraries read what the other wrote", () => {
  for (const writer of libraries.values()) {
    for (const reader of libraries.values()) {
      const map = RegionMap.create(writer, 100_000);
      map.markHydrated(70_000, 70_003);
      const restored = RegionMap.restore(reader, 100_000, map.snapshot());
      assert.is(restored.hydratedCount, 3);
      assert.ok(restored.areHydrated(70_000, 70_003));
    }
  }
});

test("a region past the end is our bug, and stops us", async () => {
  const map = RegionMap.create(await loadBitmaps(), 10);
  assert.throws(() => map.isHydrated(10), /region 10 of 10/);
  assert.throws(() => map.markHydrated(9, 11), /region 10 of 10/);
});

function runsOf(longest: number): fc.Arbitrary<[number, number][]> {
  return fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: longest })));
}

function checkSame(map: RegionMap, model: ReadonlySet<number>): void {
  const { regionCount } = map;
  assert.is(map.hydratedCount, model.size);
  assert.is(map.isComplete, model.size === regionCount);
  const missing: number[] = [];
  for (let region = 0; region < regionCount; region += 1) {
    assert.is(map.isHydrated(region), model.has(region));
    if (!model.has(region)) missing.push(region);
  }
  for (const from of [0, 1, regionCount >> 1, regionCount - 1]) {
    assert.is(
      map.nextMissing(from),
      missing.find((region) => region >= from),
    );
  }
  const listed = [...map.missingRuns()].flatMap(({ first, end }) =>
    Array.from({ length: end - first }, (_, index) => first + index),
  );
  assert.equal(listed, missing);
  const half = regionCount >> 1;
  const inside = [...model].filter((region) => region >= half).length;
  assert.is(map.hydratedIn(half, regionCount), inside);
  assert.is(map.areHydrated(half, regionCount), inside === regionCount - half);
}

test.run();
