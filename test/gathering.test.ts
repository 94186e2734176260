import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type SourceDevice } from "../lib/index.ts";
import { heldSource, isOver, until } from "./devices/held-source.ts";
import { GARBAGE } from "./devices/slow-destination.ts";
import { rejection } from "./rejection.ts";

const test = suite("gathering of writes");

const REGION = 4096;
const SIZE = 20 * REGION + 100;
const original = patternBytes(SIZE);

function open(source: SourceDevice): Promise<Clone> {
  const destination = new MemoryDevice(new Uint8Array(SIZE).fill(GARBAGE));
  const options = { regionSize: REGION, noHydration: true, readAround: 0 };
  return Clone.open({ source, destination, ...options });
}

test("writes that together cover a region need nothing from its source, the short tail too", async () => {
  const { source } = heldSource(original, REGION);
  await using clone = await open(source);
  const expected = original.slice();
  const writes: Promise<void>[] = [];
  for (const [start, end, step] of [
    [2 * REGION, 4 * REGION, 1024],
    [20 * REGION, SIZE, 60],
  ] as const) {
    for (let at = end - step; at > start - step; at -= step) {
      const offset = Math.max(start, at);
      const bytes = patternBytes(Math.min(step, end - offset), offset);
      expected.set(bytes, offset);
      writes.push(clone.write(offset, bytes));
    }
  }
  await Promise.all(writes); // no piece of the source was ever let through
  assert.is(source.servedBytes, 0);
  for (const [offset, length] of [
    [2 * REGION, 2 * REGION],
    [20 * REGION, 100],
  ] as const) {
    assert.equal(await clone.read(offset, length), expected.slice(offset, offset + length));
  }
});

test("a write that is left is no part of what covers a region", async () => {
  const { source, next, waiting } = heldSource(original, REGION);
  await using clone = await open(source);
  const leaving = new AbortController();
  const half = REGION / 2;
  const left = clone.write(0, new Uint8Array(half).fill(1), { signal: leaving.signal });
  await until(() => waiting() === 1);
  leaving.abort();
  assert.is(await rejection(left), leaving.signal.reason);
  const written = clone.write(half, new Uint8Array(half).fill(2));
  assert.not(await isOver(written));
  next();
  await written;
  const expected = original.slice(0, REGION).fill(2, half);
  assert.equal(await clone.read(0, REGION), expected);
});

test("a write that is left while a region is filled leaves no hole in it", async () => {
  const { source } = heldSource(original, REGION);
  const leaving = new AbortController();
  let writes = 0;
  const destination = new MemoryDevice(new Uint8Array(SIZE).fill(GARBAGE));
  const write = destination.write.bind(destination);
  destination.write = async (...call) => {
    writes += 1;
    if (writes === 1) leaving.abort();
    await new Promise(setImmediate);
    await write(...call);
  };
  const options = { regionSize: REGION, noHydration: true, readAround: 0 };
  await using clone = await Clone.open({ source, destination, ...options });
  const quarter = REGION / 4;
  const part = (index: number): Promise<void> => {
    const bytes = new Uint8Array(index === 2 ? 2 * quarter : quarter).fill(index);
    const signal = index === 1 ? { signal: leaving.signal } : {};
    return clone.write(index * quarter, bytes, signal);
  };
  await Promise.all([part(0), part(1).catch(() => {}), part(2)]);
  const bytes = await clone.read(0, REGION);
  assert.not(bytes.includes(GARBAGE), "what nobody wrote is read");
});

test.run();
