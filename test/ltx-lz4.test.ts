import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeLz4Block, MALFORMED } from "../adapters/ltx/lz4-block.ts";
import { Lz4BlockEncoder, maxLz4BlockSize } from "../adapters/ltx/lz4-block-encoder.ts";
import { decodeLz4Frame, Lz4FrameError, lz4FrameSize } from "../adapters/ltx/lz4-frame.ts";
import { xxh32 } from "../adapters/ltx/xxh32.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("LZ4");

const GUARD = 64;
const MARK = 0xa5;

/** Decodes between guards, which must stay as they were. */
function decode(block: Uint8Array, size: number): Uint8Array | undefined {
  const memory = new Uint8Array(size + 2 * GUARD).fill(MARK);
  const source = new Uint8Array(block.length + 2 * GUARD).fill(0xff);
  source.set(block, GUARD);
  const target = memory.subarray(GUARD, GUARD + size);
  const written = decodeLz4Block(source, GUARD, GUARD + block.length, target);
  const isUntouched = [...memory.subarray(0, GUARD), ...memory.subarray(GUARD + size)];
  assert.ok(
    isUntouched.every((byte) => byte === MARK),
    "it wrote outside its target",
  );
  return written === MALFORMED ? undefined : target.subarray(0, written);
}

/** Decoded byte by byte, straight from the description of the format. */
function plainDecode(block: Uint8Array): Uint8Array {
  const out: number[] = [];
  let at = 0;
  const next = (): number => block[at++] as number;
  const length = (start: number): number => {
    let sum = start;
    if (start < 15) return sum;
    let more = 255;
    while (more === 255) {
      more = next();
      sum += more;
    }
    return sum;
  };
  while (true) {
    const token = next();
    for (let count = length(token >> 4); count > 0; count--) out.push(next());
    if (at === block.length) return Uint8Array.from(out);
    const distance = next() + 256 * next();
    for (let count = length(token & 15) + 4; count > 0; count--) {
      out.push(out[out.length - distance] as number);
    }
  }
}

function encode(bytes: Uint8Array, encoder = new Lz4BlockEncoder()): Uint8Array {
  const target = new Uint8Array(maxLz4BlockSize(bytes.length) + 3);
  const end = encoder.encode(bytes, target, 3);
  return target.slice(3, end);
}

/** Runs, repeats of what came before, and noise: what a page is made of. */
const content: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.record({ byte: fc.nat(255), count: fc.nat(700) }),
      fc.record({ back: fc.integer({ min: 1, max: 70_000 }), count: fc.nat(700) }),
      fc.record({ bytes: fc.uint8Array({ maxLength: 300 }) }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => {
    const out: number[] = [];
    for (const part of parts) {
      if ("bytes" in part) out.push(...part.bytes);
      else if ("byte" in part) out.push(...new Array<number>(part.count).fill(part.byte));
      else {
        for (let i = 0; i < part.count; i++) out.push(out[out.length - part.back] ?? 1);
      }
    }
    return Uint8Array.from(out.slice(0, 65_536));
  });

test("what was compressed decompresses to the same, by two decoders", () => {
  const encoder = new Lz4BlockEncoder();
  fc.assert(
    fc.property(content, (bytes) => {
      const block = encode(bytes, encoder);
      assert.ok(block.length <= maxLz4BlockSize(bytes.length));
      assert.ok(Buffer.compare(plainDecode(block), bytes) === 0, "the plain decoder");
      const decoded = decode(block, bytes.length);
      assert.ok(decoded !== undefined && Buffer.compare(decoded, bytes) === 0, "ours");
    }),
    propertyRuns(300),
  );
});

test("a block ends as the format asks: five literals, and no match in the last twelve bytes", () => {
  for (let size = 0; size < 64; size++) {
    const block = encode(new Uint8Array(size));
    assert.equal(plainDecode(block), new Uint8Array(size));
    if (size <= 12) assert.is(block[0], size << 4, "only literals");
    if (size > 13) assert.equal(block.subarray(-5), new Uint8Array(5));
  }
  const page = encode(new Uint8Array(4096));
  assert.ok(page.length < 30, `${page.length} bytes for a page of zeros`);
});

test("a short target, and a block cut anywhere, are found", () => {
  const bytes = Uint8Array.from({ length: 3000 }, (_, i) => (i % 97) * (i >> 8));
  const block = encode(bytes);
  assert.ok(block.length < 2500, `${block.length}`);
  assert.is(decode(block, 2999), undefined);
  assert.is(decode(block, 3100)?.length, 3000);
  for (let length = 0; length < block.length; length++) {
    const decoded = decode(block.subarray(0, length), 3000);
    assert.ok(decoded === undefined || decoded.length < 3000, `cut to ${length}`);
  }
});

test("a broken block writes nothing outside its target, and ends", () => {
  fc.assert(
    fc.property(
      content,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 9 }),
      fc.nat(5000),
      (bytes, changes, size) => {
        const block = encode(bytes);
        for (const [at, byte] of changes) block[at % block.length] = byte;
        decode(block, size);
      },
    ),
    propertyRuns(300),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(5000), (noise, size) => {
      decode(noise, size);
    }),
    propertyRuns(1000),
  );
});

/** A frame as Litestream writes them: a block, its content's checksum. */
function frame(block: Uint8Array, stored: boolean, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(7 + 4 + block.length + 8);
  const view = new DataView(out.buffer);
  out.set([0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7]);
  view.setUint32(7, stored ? block.length + 2 ** 31 : block.length, true);
  out.set(block, 11);
  view.setUint32(11 + block.length + 4, xxh32(bytes), true);
  return out;
}

test("a frame of either kind of block decompresses, and is checked", () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, i) => (i * i) >> 9);
  const frames = [frame(encode(bytes), false, bytes), frame(bytes, true, bytes)];
  for (const whole of frames) {
    const target = new Uint8Array(4096);
    assert.is(lz4FrameSize(whole), whole.length);
    assert.is(decodeLz4Frame(whole, target), 4096);
    assert.equal(target, bytes);
    assert.throws(() => decodeLz4Frame(whole, new Uint8Array(4095)), /broken or too long/);
    for (let length = 0; length < whole.length; length++) {
      assert.is(lz4FrameSize(whole.subarray(0, length)), undefined);
    }
    const changed = whole.slice();
    changed[whole.length - 1] = (whole[whole.length - 1] ?? 0) ^ 1;
    assert.throws(() => decodeLz4Frame(changed, target), /the content has the checksum/);
    for (let at = 0; at < 7; at++) {
      const header = whole.slice();
      header[at] = (header[at] ?? 0) ^ 4;
      assert.throws(
        () => lz4FrameSize(header),
        (error: unknown) => error instanceof Lz4FrameError,
      );
    }
  }
});

test.run();
