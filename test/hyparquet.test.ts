import { suite } from "uvu";
import * as assert from "uvu/assert";
import { asyncBuffer } from "../adapters/hyparquet.ts";

const test = suite("hyparquet");

const content = Uint8Array.from({ length: 10 }, (_, index) => index);

test("slices like an ArrayBuffer, whatever the bounds", async () => {
  const file = asyncBuffer({
    size: content.length,
    read: async (offset, length) => content.slice(offset, offset + length),
  });
  assert.is(file.byteLength, 10);
  for (let start = -12; start <= 12; start += 1) {
    assert.equal(await file.slice(start), content.buffer.slice(start), `from ${start}`);
    for (let end = -12; end <= 12; end += 1) {
      const part = await file.slice(start, end);
      assert.equal(part, content.buffer.slice(start, end), `${start} to ${end}`);
    }
  }
});

test("hands out exactly what was asked, even from the middle of a buffer", async () => {
  const file = asyncBuffer({
    size: content.length,
    read: async (offset, length) => content.subarray(offset, offset + length),
  });
  assert.equal(new Uint8Array(await file.slice(3, 5)), Uint8Array.of(3, 4));
});

test("asks for no byte outside", async () => {
  const asked: number[][] = [];
  const file = asyncBuffer({
    size: 10,
    read: async (offset, length) => {
      asked.push([offset, length]);
      return new Uint8Array(length);
    },
  });
  await Promise.all([file.slice(-4), file.slice(8, 20), file.slice(5, 2), file.slice(-20, 3)]);
  assert.equal(asked, [
    [6, 4],
    [8, 2],
    [5, 0],
    [0, 3],
  ]);
});

test.run();
