import { equal, notEqual, ok, rejects } from "node:assert/strict";
import { type DestinationDevice, isHeadwaterError } from "../../lib/index.ts";
import { assertBytes, joinBytes, patternBytes } from "./bytes.ts";
import { fill, reachesFar, readAll, resizes, type Test } from "./destination-size.ts";
import type { Register } from "./register.ts";

/** A destination under test. */
export interface DestinationSubject {
  readonly device: DestinationDevice;
  /** Opens what the closed device left behind; for destinations that outlive their process. */
  readonly reopen?: () => Promise<DestinationDevice>;
  /** Called after each test, when the device is closed. */
  readonly release?: () => Promise<void>;
}

export interface DestinationFactory {
  /** Opens a new destination of `size` bytes. */
  open(size: number): Promise<DestinationSubject>;
  /** Whether a device of many GiB costs nothing while it is empty. Default false. */
  readonly sparse?: boolean;
}

const SIZE = 100_003;

/** Offsets and lengths that fit no sector, page or region, and the ends of the device. */
const RANGES = [
  [0, 1],
  [4095, 2],
  [8192, 16_384],
  [50_001, 4098],
  [SIZE - 7, 7],
] as const;

/**
 * Registers the tests of everything that `DestinationDevice` promises. Each opens a device of its
 * own and closes it.
 */
export function destinationConformance(register: Register, factory: DestinationFactory): void {
  const test: Test<DestinationSubject> = (name, run) => {
    register(name, async () => {
      const subject = await factory.open(SIZE);
      try {
        await run(subject);
      } finally {
        await subject.device.close();
        await subject.release?.();
      }
    });
  };
  writes(test);
  overlaps(test);
  readsAtOnce(test);
  discards(test);
  resizes(test);
  if (factory.sparse === true) reachesFar(test);
  lasts(test);
  closes(test);
}

function writes(test: Test<DestinationSubject>): void {
  test("reads what was written, and its neighbours as they were", async ({ device }) => {
    const model = await fill(device);
    for (const [offset, length] of RANGES) {
      const bytes = patternBytes(length, offset + 2);
      await device.write(offset, [bytes]);
      model.set(bytes, offset);
      assertBytes(await readAll(device), model, `after ${length} bytes at ${offset}`);
    }
    equal(device.size, SIZE);
  });

  test("writes many pieces, empty ones among them, one after another", async ({ device }) => {
    const model = await fill(device);
    // More than an operating system takes in one call.
    const pieces = Array.from({ length: 3000 }, (_, index) => patternBytes(index % 5, index));
    await device.write(777, pieces);
    model.set(joinBytes(pieces), 777);
    assertBytes(await readAll(device), model, "after 3000 pieces");
    await device.write(5, []);
    await device.write(SIZE, [new Uint8Array(0)]);
    assertBytes(await readAll(device), model, "after writes of nothing");
  });

  test("writes pieces that are parts of larger buffers, and keeps none", async ({ device }) => {
    const model = await fill(device);
    const large = patternBytes(9000, 3);
    const piece = large.subarray(1000, 3000);
    await device.write(10, [piece, piece]);
    model.set(piece, 10);
    model.set(piece, 2010);
    large.fill(0);
    assertBytes(await readAll(device), model, "after the pieces were used again");
  });

  test("fills a target to the last byte and touches nothing beside it", async ({ device }) => {
    const model = await fill(device);
    const around = new Uint8Array(5000).fill(7);
    await device.readInto(333, around.subarray(100, 4900));
    const expected = new Uint8Array(5000).fill(7);
    expected.set(model.subarray(333, 333 + 4800), 100);
    assertBytes(around, expected, "the target and what is around it");
    await device.readInto(SIZE, new Uint8Array(0));
  });

  test("a read past the end rejects: a target is never half filled", async ({ device }) => {
    await fill(device);
    await rejects(async () => device.readInto(SIZE - 10, new Uint8Array(11)), Error);
  });
}

function overlaps(test: Test<DestinationSubject>): void {
  test("calls on different ranges may overlap in time", async ({ device }) => {
    const model = await fill(device);
    const written = Array.from({ length: 16 }, (_, index) => ({
      offset: index * 6000,
      bytes: patternBytes(3001, index + 5),
    }));
    const target = new Uint8Array(2000);
    const all = written.flatMap(({ offset, bytes }) => [
      device.write(offset, [bytes]),
      device.readInto(4000, target),
    ]);
    await Promise.all([...all, device.flush(), device.flush()]);
    assertBytes(target, model.subarray(4000, 6000), "a range that nobody wrote");
    for (const { offset, bytes } of written) model.set(bytes, offset);
    assertBytes(await readAll(device), model, "after 16 writes at once");
  });
}

function readsAtOnce(test: Test<DestinationSubject>): void {
  test("what is read at once is what is read otherwise", async ({ device }) => {
    if (device.readIntoSync === undefined) return;
    const model = await fill(device);
    for (const [offset, length] of RANGES) {
      const around = new Uint8Array(length + 20).fill(7);
      const done = device.readIntoSync(offset, around.subarray(10, 10 + length));
      const expected = new Uint8Array(length + 20).fill(7);
      if (done) expected.set(model.subarray(offset, offset + length), 10);
      assertBytes(around, expected, `${done ? "read" : "left"} ${length} bytes at ${offset}`);
    }
  });

  test("a read at once past the end throws or is left", async ({ device }) => {
    if (device.readIntoSync === undefined) return;
    await fill(device);
    let done = false;
    try {
      done = device.readIntoSync(SIZE - 10, new Uint8Array(11));
    } catch (error) {
      ok(error instanceof Error);
    }
    equal(done, false);
  });
}

function discards(test: Test<DestinationSubject>): void {
  test("a discarded range reads as zeros, its neighbours as they were", async ({ device }) => {
    const model = await fill(device);
    for (const [offset, length] of RANGES) {
      await device.discard(offset, length);
      model.fill(0, offset, offset + length);
      assertBytes(await readAll(device), model, `after ${length} bytes at ${offset}`);
    }
    equal(device.size, SIZE);
  });

  test("what is written after a discard is read", async ({ device }) => {
    await fill(device);
    await device.discard(0, SIZE);
    assertBytes(await readAll(device), new Uint8Array(SIZE), "all discarded");
    const model = await fill(device, 9);
    await device.discard(100, 0);
    assertBytes(await readAll(device), model, "written again");
  });
}

function lasts(test: Test<DestinationSubject>): void {
  test("what was flushed is there when it is opened again", async ({ device, reopen }) => {
    const model = await fill(device);
    await device.discard(4096, 4096);
    model.fill(0, 4096, 8192);
    await device.flush();
    await device.close();
    const again = await reopen?.();
    if (again === undefined) return;
    try {
      equal(again.size, SIZE);
      assertBytes(await readAll(again), model, "opened again");
    } finally {
      await again.close();
    }
  });

  test("a fingerprint is the same as long as nobody writes", async ({ device }) => {
    if (device.fingerprint === undefined) return;
    await fill(device);
    await device.flush();
    const fingerprint = await device.fingerprint();
    await readAll(device);
    equal(await device.fingerprint(), fingerprint);
    notEqual(fingerprint, "");
  });

  test("what is finished reads as before", async ({ device }) => {
    if (device.finish === undefined) return;
    const model = await fill(device);
    await device.flush();
    const fingerprint = await device.fingerprint?.();
    await device.finish();
    assertBytes(await readAll(device), model, "after finish");
    equal(await device.fingerprint?.(), fingerprint);
  });
}

function closes(test: Test<DestinationSubject>): void {
  test("closing again is harmless, at once or later", async ({ device }) => {
    await Promise.all([device.close(), device.close()]);
    await device.close();
    await device[Symbol.asyncDispose]();
  });

  test("close waits for what is under way", async ({ device, reopen }) => {
    const bytes = patternBytes(SIZE, 6);
    let settled = false;
    const outcome = device
      .write(0, [bytes])
      .catch((error: unknown) => error)
      .finally(() => {
        settled = true;
      });
    await device.close();
    ok(settled, "closed before the write was done");
    equal(await outcome, undefined);
    const again = await reopen?.();
    if (again === undefined) return;
    try {
      assertBytes(await readAll(again), bytes, "opened again");
    } finally {
      await again.close();
    }
  });

  test("a call after close rejects with CLOSED", async ({ device }) => {
    await device.close();
    const closed = (error: unknown): boolean => isHeadwaterError(error, "CLOSED");
    await rejects(async () => device.readInto(0, new Uint8Array(1)), closed);
    await rejects(async () => device.write(0, [new Uint8Array(1)]), closed);
    await rejects(async () => device.discard(0, 1), closed);
    await rejects(async () => device.flush(), closed);
  });
}
