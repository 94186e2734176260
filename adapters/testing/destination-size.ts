import { equal, rejects } from "node:assert/strict";
import type { DestinationDevice } from "../../lib/index.ts";
import { assertBytes, joinBytes, patternBytes } from "./bytes.ts";

const GiB = 2 ** 30;

interface Subject {
  readonly device: DestinationDevice;
}

export type Test<Of> = (name: string, run: (subject: Of) => Promise<void>) => void;

export function resizes(test: Test<Subject>): void {
  test("grows with zeros", async ({ device }) => {
    const { size } = device;
    const model = await fill(device);
    await device.resize(size + 70_000);
    equal(device.size, size + 70_000);
    const expected = joinBytes([model, new Uint8Array(70_000)]);
    assertBytes(await readAll(device), expected, "after growing");
    const bytes = patternBytes(100, 4);
    await device.write(size + 69_900, [bytes]);
    expected.set(bytes, size + 69_900);
    assertBytes(await readAll(device), expected, "written to the new end");
  });

  test("what it shrank by is gone when it grows again", async ({ device }) => {
    const { size } = device;
    const model = await fill(device);
    await device.resize(5001);
    equal(device.size, 5001);
    await rejects(async () => device.readInto(5000, new Uint8Array(2)), Error);
    await device.resize(size);
    model.fill(0, 5001);
    assertBytes(await readAll(device), model, "grown again");
  });

  test("may have no bytes at all", async ({ device }) => {
    await fill(device);
    await device.resize(0);
    equal(device.size, 0);
    await device.flush();
    await device.resize(10);
    assertBytes(await readAll(device), new Uint8Array(10), "ten bytes");
  });
}

export function reachesFar(test: Test<Subject>): void {
  test("offsets above 4 GiB are not those below", async ({ device }) => {
    await device.resize(6 * GiB + 5);
    const far = patternBytes(5000, 2);
    await device.write(5 * GiB + 123, [far]);
    const target = new Uint8Array(5000);
    await device.readInto(5 * GiB + 123, target);
    assertBytes(target, far, "at 5 GiB");
    await device.readInto(GiB + 123, target);
    assertBytes(target, new Uint8Array(5000), "at 1 GiB");
    await device.discard(5 * GiB + 123, 4000);
    await device.readInto(5 * GiB + 123, target);
    assertBytes(target, joinBytes([new Uint8Array(4000), far.subarray(4000)]), "discarded");
    await device.write(6 * GiB, [far.subarray(0, 5)]);
    await device.readInto(6 * GiB, target.subarray(0, 5));
    assertBytes(target.subarray(0, 5), far.subarray(0, 5), "the last bytes");
  });
}

/** Writes other bytes than zeros over the whole device, and returns them. */
export async function fill(device: DestinationDevice, seed = 1): Promise<Uint8Array> {
  const bytes = patternBytes(device.size, seed);
  await device.write(0, [bytes]);
  return bytes.slice();
}

export async function readAll(device: DestinationDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.readInto(0, bytes);
  return bytes;
}
