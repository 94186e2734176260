import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { type ByteRange, Clone, type CloneOptions, type SourceDevice } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { GARBAGE } from "./devices/slow-destination.ts";

const test = suite("zeros");

const REGION = 4096;
const SIZE = 20 * REGION + 100;

/** Regions 3 to 8, but for a byte at each end, and the tail from 18 on. */
const HOLES: readonly ByteRange[] = [
  { offset: 3 * REGION - 1, length: 6 * REGION + 2 },
  { offset: 18 * REGION, length: 2 * REGION + 100 },
];
const WHOLE = [3, 4, 5, 6, 7, 8, 18, 19, 20];

const original = patternBytes(SIZE);
for (const { offset, length } of HOLES) original.fill(0, offset, offset + length);

/** A source that knows its holes. */
class SparseSource extends ScriptedSource {
  readonly #holes: readonly ByteRange[];
  readonly #error: Error | undefined;

  constructor(holes: readonly ByteRange[], error?: Error) {
    super(original, { pieces: [REGION] });
    this.#holes = holes;
    this.#error = error;
  }

  async *zeros(): AsyncGenerator<ByteRange, void, undefined> {
    yield* this.#holes;
    if (this.#error !== undefined) throw this.#error;
  }
}

function open(source: SourceDevice, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(new Uint8Array(SIZE).fill(GARBAGE));
  return Clone.open({ source, destination, regionSize: REGION, ...options });
}

test("what is known to be zeros is local without a fetch, and reads as zeros", async () => {
  const source = new SparseSource(HOLES);
  await using clone = await open(source);
  await clone.hydrated();
  assert.equal(await clone.read(0, SIZE), original);
  for (const region of WHOLE) assert.is(source.served[region * REGION], 0, `region ${region}`);
  const zeroBytes = 8 * REGION + 100;
  assert.is(source.servedBytes, SIZE - zeroBytes);
  assert.is(clone.stats().zeroBytes, zeroBytes);
  assert.is(clone.stats().amplification, 1);
});

test("the background waits until all is known, where that takes a while", async () => {
  class Slow extends SparseSource {
    override async *zeros(): AsyncGenerator<ByteRange, void, undefined> {
      for (const range of HOLES) {
        await new Promise((done) => setTimeout(done, 20));
        yield range;
      }
    }
  }
  const source = new Slow(HOLES);
  await using clone = await open(source);
  await clone.hydrated();
  assert.is(source.servedBytes, SIZE - (8 * REGION + 100));
});

test("a blob of nothing but zeros is complete without a request", async () => {
  const source = new SparseSource([{ offset: 0, length: SIZE }]);
  const destination = new MemoryDevice(new Uint8Array(SIZE).fill(GARBAGE));
  await using clone = await open(source, { destination });
  await clone.hydrated();
  assert.is(source.calls, 0);
  assert.equal(destination.bytes, new Uint8Array(SIZE));
});

test("what was written before is not made zeros", async () => {
  await using clone = await open(new SparseSource(HOLES), { hydrationThreshold: 0 });
  const written = patternBytes(REGION, 2);
  await clone.write(4 * REGION, written);
  clone.configure({ hydrationThreshold: 9 });
  await clone.hydrated();
  const expected = original.slice();
  expected.set(written, 4 * REGION);
  assert.equal(await clone.read(0, SIZE), expected);
});

test("a source that fails to say, or says what cannot be, loses only the saving", async () => {
  const outside = { offset: SIZE - 1, length: 2 };
  const backwards = [...HOLES].reverse();
  const failing = new SparseSource(HOLES, new Error("no more block status"));
  for (const source of [new SparseSource([outside]), new SparseSource(backwards), failing]) {
    await using clone = await open(source);
    await clone.hydrated();
    assert.equal(await clone.read(0, SIZE), original);
  }
});

test.run();
