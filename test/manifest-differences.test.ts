import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { joined, openManifest, wrongBlocks } from "../adapters/manifest/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { BLOCK, make } from "./manifests.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("differences from a manifest");

const KIB = 2 ** 10;

test("the differences of two manifests are those of the blobs", () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 12 * BLOCK }),
      fc.integer({ min: 0, max: 12 * BLOCK }),
      fc.array(fc.nat(12 * BLOCK), { maxLength: 3 }),
      async (size, otherSize, edits) => {
        const [bytes, other] = [patternBytes(size), patternBytes(otherSize)];
        for (const at of edits) if (at < size) bytes[at] = (bytes[at] ?? 0) ^ 255;
        const manifest = await openManifest(await make(bytes));
        const former = await openManifest(await make(other));
        const expected: number[] = [];
        for (let at = 0; at < size; at += BLOCK) {
          const part = Buffer.from(bytes.subarray(at, at + BLOCK));
          if (!part.equals(other.subarray(at, at + BLOCK))) expected.push(at);
        }
        const found: number[] = [];
        for await (const { offset } of manifest.differences(former)) found.push(offset);
        assert.equal(found, expected);
      },
    ),
    propertyRuns(100),
  ));

test("what is wrong, or not there, is found by reading what is there", () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 600 * KIB }),
      fc.array(fc.nat(600 * KIB), { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(600 * KIB), fc.nat(300 * KIB)), { maxLength: 3 }),
      async (size, edits, missing) => {
        const bytes = patternBytes(size);
        const manifest = await openManifest(await make(bytes));
        const isLocal = new Uint8Array(size).fill(1);
        for (const [offset, length] of missing) isLocal.fill(0, offset, offset + length);
        for (const at of edits) if (at < size) bytes[at] = (bytes[at] ?? 0) ^ 255;
        const device = new MemoryDevice(bytes);
        const local = {
          ranges: () => runsOf(isLocal),
          readInto: async (offset: number, target: Uint8Array) => {
            assert.not(isLocal.subarray(offset, offset + target.length).includes(0));
            await device.readInto(offset, target);
          },
        };
        const isWrong = new Uint8Array(size);
        for (let at = 0; at < size; at += BLOCK) {
          const isBad = edits.some((edit) => edit >= at && edit < Math.min(size, at + BLOCK));
          const isHere = !isLocal.subarray(at, at + BLOCK).includes(0);
          if (isBad || !isHere) isWrong.fill(1, at, at + BLOCK);
        }
        assert.equal(await joined(wrongBlocks(manifest, local)), [...runsOf(isWrong)]);
      },
    ),
    propertyRuns(60),
  ));

function* runsOf(bits: Uint8Array): Generator<{ offset: number; length: number }> {
  for (let at = bits.indexOf(1); at !== -1; ) {
    const zero = bits.indexOf(0, at);
    const end = zero === -1 ? bits.length : zero;
    yield { offset: at, length: end - at };
    at = bits.indexOf(1, end);
  }
}

test.run();
