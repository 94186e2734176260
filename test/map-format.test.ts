import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadBitmaps } from "../lib/bitmap.ts";
import { type HeadwaterError, isHeadwaterError } from "../lib/errors.ts";
import {
  decodeMap,
  encodeMap,
  MAX_FINGERPRINT_LENGTH,
  MAX_IDENTITY_LENGTH,
  mapSlotSize,
  newestMap,
} from "../lib/map-format.ts";
import type { StoredMap } from "../lib/stored-map.ts";

const test = suite("map format");

const EMPTY = new Uint8Array();

const EXAMPLE: StoredMap = {
  generation: 6,
  size: 300_000,
  sourceSize: 262_145,
  regionSize: 65536,
  identity: 'https://example.org/a.bin "etag"',
  written: true,
  unsettled: false,
  advancing: false,
  complete: false,
  fingerprint: "",
  former: "",
  hydrated: Uint8Array.of(1, 2, 3, 4, 5),
  writtenRegions: Uint8Array.of(6, 7),
};

const whole = fc.nat(Number.MAX_SAFE_INTEGER);
const anyMap: fc.Arbitrary<StoredMap> = fc.record(
  {
    generation: whole,
    size: whole,
    sourceSize: whole,
    regionSize: fc.integer({ min: 12, max: 30 }).map((power) => 2 ** power),
    identity: fc.string({ unit: "grapheme", maxLength: 200 }),
    written: fc.boolean(),
    unsettled: fc.boolean(),
    advancing: fc.boolean(),
    complete: fc.boolean(),
    fingerprint: fc.string({ maxLength: 100 }),
    former: fc.string({ maxLength: 100 }),
    hydrated: fc.uint8Array({ maxLength: 300 }),
    writtenRegions: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

async function errorOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  try {
    await promise;
  } catch (error) {
    if (isHeadwaterError(error, "MAP_CORRUPT")) return error;
    throw error;
  }
  throw new Error("it was believed");
}

/** The bytes of a map with something changed and the checksum made right again. */
async function forge(change: (view: DataView) => void): Promise<Uint8Array> {
  const bytes = await encodeMap(EXAMPLE);
  change(new DataView(bytes.buffer));
  const body = bytes.subarray(0, bytes.length - 32);
  bytes.set(new Uint8Array(await crypto.subtle.digest("SHA-256", body)), body.length);
  return bytes;
}

test("what was encoded comes back, wherever it lies and whatever follows it", async () => {
  const inSlot = fc.asyncProperty(anyMap, fc.uint8Array(), fc.nat(9), async (map, tail, lead) => {
    const bytes = await encodeMap(map);
    const slot = new Uint8Array(lead + bytes.length + tail.length);
    slot.set(bytes, lead);
    slot.set(tail, lead + bytes.length);
    assert.equal(await decodeMap(slot.subarray(lead)), map);
  });
  await fc.assert(inSlot);
});

test("the bytes are those of the documentation", async () => {
  const bytes = Buffer.from(await encodeMap(EXAMPLE));
  const identity = Buffer.from(EXAMPLE.identity);
  assert.is(bytes.toString("latin1", 0, 8), "HWREGMAP");
  assert.is(bytes.readUInt32LE(8), 1, "version");
  assert.is(bytes.readUInt32LE(12), bytes.length);
  assert.is(bytes.readBigUInt64LE(16), 6n, "generation");
  assert.is(bytes.readBigUInt64LE(24), 300_000n, "size");
  assert.is(bytes.readBigUInt64LE(32), 262_145n, "source size");
  assert.is(bytes.readUInt32LE(40), 65536, "region size");
  assert.is(bytes.readUInt32LE(44), 1, "flags");
  assert.is(bytes.readUInt32LE(48), identity.length);
  assert.is(bytes.readUInt32LE(52), 0, "length of the fingerprint");
  assert.is(bytes.readUInt32LE(56), 5, "length of the hydrated regions");
  assert.is(bytes.readUInt32LE(60), 2, "length of the written regions");
  assert.is(bytes.compare(identity, 0, identity.length, 72, 72 + identity.length), 0);
  assert.is(bytes.length, 72 + identity.length + 5 + 2 + 32);
});

test("a slot that was never saved to holds no map", async () => {
  assert.is(await decodeMap(EMPTY), undefined);
  assert.is(await decodeMap(new Uint8Array(70_000)), undefined);
});

test("every truncation is refused", async () => {
  const bytes = await encodeMap(EXAMPLE);
  for (let length = 1; length < bytes.length; length += 1) {
    await errorOf(decodeMap(bytes.subarray(0, length)));
    const torn = new Uint8Array(bytes.length);
    torn.set(bytes.subarray(0, length));
    // A checksum may end in zeros of its own.
    if (Buffer.compare(torn, bytes) !== 0) await errorOf(decodeMap(torn));
  }
});

test("every change of a single bit is refused", async () => {
  const bytes = await encodeMap(EXAMPLE);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = bytes.slice();
    flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    await errorOf(decodeMap(flipped));
  }
});

test("a map over the remains of a longer one is read, and any mixture of the two is not", async () => {
  const older = await encodeMap({ ...EXAMPLE, hydrated: new Uint8Array(3000).fill(0xaa) });
  const newer = await encodeMap({ ...EXAMPLE, generation: 8, hydrated: new Uint8Array(2000) });
  const slot = older.slice();
  slot.set(newer);
  assert.is((await decodeMap(slot))?.generation, 8);
  for (let cut = 512; cut < newer.length; cut += 512) {
    const torn = older.slice();
    torn.set(newer.subarray(0, cut));
    await errorOf(decodeMap(torn));
  }
});

test("garbage is refused", async () => {
  const garbage = fc
    .uint8Array({ minLength: 1, maxLength: 400 })
    .filter((bytes) => bytes.some(Boolean));
  await fc.assert(
    fc.asyncProperty(garbage, async (bytes) => void (await errorOf(decodeMap(bytes)))),
  );
});

test("garbage behind a good header is refused", async () => {
  const start = (await encodeMap(EXAMPLE)).subarray(0, 12);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (rest) => {
      await errorOf(decodeMap(Buffer.concat([start, rest])));
    }),
  );
});

test("lengths that do not add up are refused, even with a right checksum", async () => {
  for (const at of [48, 52, 56, 60, 64]) {
    for (const wrong of [0, 1, 0x7fff_ffff, 0xffff_ffff]) {
      const bytes = await forge((view) => {
        const right = view.getUint32(at, true);
        view.setUint32(at, wrong === right ? 7 : wrong, true);
      });
      assert.match((await errorOf(decodeMap(bytes))).message, "its parts end at");
    }
  }
});

test("numbers that cannot be are refused, even with a right checksum", async () => {
  for (const at of [16, 24, 32]) {
    const bytes = await forge((view) => view.setBigUint64(at, 2n ** 53n, true));
    assert.match((await errorOf(decodeMap(bytes))).message, String(2 ** 53));
  }
  await errorOf(decodeMap(await forge((view) => view.setUint32(40, 0, true))));
  const flags = await errorOf(decodeMap(await forge((view) => view.setUint32(44, 16, true))));
  assert.match(flags.message, "flags are 16");
});

test("a newer version is refused by number", async () => {
  const bytes = await forge((view) => view.setUint32(8, 2, true));
  const { message } = await errorOf(decodeMap(bytes));
  assert.match(message, "version 2, and this release reads version 1");
});

test("of two maps the later one counts, in either slot", async () => {
  const even = await encodeMap({ ...EXAMPLE, generation: 6 });
  for (const generation of [5, 7]) {
    const odd = await encodeMap({ ...EXAMPLE, generation });
    const { map, corrupt } = await newestMap([even, odd]);
    assert.is(map?.generation, Math.max(6, generation));
    assert.is(corrupt, undefined);
  }
});

test("a torn slot leaves the other one, and is told", async () => {
  const even = await encodeMap({ ...EXAMPLE, generation: 6 });
  const odd = await encodeMap({ ...EXAMPLE, generation: 7 });
  const after = await newestMap([even, odd.subarray(0, 80)]);
  assert.is(after.map?.generation, 6);
  assert.is(after.corrupt?.code, "MAP_CORRUPT");
  const before = await newestMap([even.subarray(0, 80), odd]);
  assert.is(before.map?.generation, 7);
  assert.is(before.corrupt?.code, "MAP_CORRUPT");
});

test("one saved map is enough, two empty slots are nothing, two torn ones are corrupt", async () => {
  const even = await encodeMap({ ...EXAMPLE, generation: 0 });
  assert.equal(await newestMap([even, EMPTY]), { map: { ...EXAMPLE, generation: 0 } });
  assert.equal(await newestMap([EMPTY, new Uint8Array(4096)]), {});
  const { map, corrupt } = await newestMap([even.subarray(1), EMPTY]);
  assert.is(map, undefined);
  assert.is(corrupt?.code, "MAP_CORRUPT");
});

test("a map in the wrong slot is not believed", async () => {
  const even = await encodeMap({ ...EXAMPLE, generation: 6 });
  const { map, corrupt } = await newestMap([EMPTY, even]);
  assert.is(map, undefined);
  assert.match(corrupt?.message ?? "", "generation 6 is in slot 1");
});

test("an older map never stands in for one of a newer version", async () => {
  const newer = await forge((view) => view.setUint32(8, 2, true));
  const odd = await encodeMap({ ...EXAMPLE, generation: 5 });
  const { map, corrupt } = await newestMap([newer, odd]);
  assert.is(map, undefined);
  assert.match(corrupt?.message ?? "", "version 2");
});

test("a text that is too long is the caller's mistake", async () => {
  const long = { ...EXAMPLE, identity: "é".repeat(MAX_IDENTITY_LENGTH / 2) };
  await encodeMap(long);
  try {
    await encodeMap({ ...long, identity: `${long.identity}x` });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
  }
});

test("the worst bitmap fits its slot beside the longest texts", async () => {
  const { fromRange } = await loadBitmaps();
  for (const regionCount of [0, 1, 4095, 65536, 65537, 1_000_003]) {
    const hydrated = fromRange(0, regionCount);
    for (let region = 1; region < regionCount; region += 2)
      hydrated.removeRange(region, region + 1);
    hydrated.runOptimize();
    const bytes = await encodeMap({
      ...EXAMPLE,
      identity: "i".repeat(MAX_IDENTITY_LENGTH),
      fingerprint: "f".repeat(MAX_FINGERPRINT_LENGTH),
      former: "g".repeat(MAX_FINGERPRINT_LENGTH),
      hydrated: hydrated.serialize("portable"),
      writtenRegions: hydrated.serialize("portable"),
    });
    const slotSize = mapSlotSize(regionCount);
    assert.is(slotSize % 4096, 0);
    assert.ok(bytes.length <= slotSize, `${bytes.length} bytes in a slot of ${slotSize}`);
  }
});

test("any bitmap fits its slot", async () => {
  const { fromRange } = await loadBitmaps();
  const COUNT = 140_000;
  const runs = fc.array(fc.tuple(fc.nat(COUNT), fc.integer({ min: 1, max: 9000 })), {
    maxLength: 60,
  });
  const texts = MAX_IDENTITY_LENGTH + MAX_FINGERPRINT_LENGTH + 96;
  const fits = fc.property(runs, fc.integer({ min: 1, max: 40 }), (list, step) => {
    const hydrated = fromRange(0, 0);
    for (let region = 0; region < COUNT; region += step) hydrated.addRange(region, region + 1);
    for (const [first, length] of list) hydrated.addRange(first, Math.min(first + length, COUNT));
    hydrated.runOptimize();
    assert.ok(hydrated.serialize("portable").length + texts <= mapSlotSize(COUNT));
  });
  fc.assert(fits, { numRuns: 30 });
});

test.run();
