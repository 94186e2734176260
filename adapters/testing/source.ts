import { deepEqual, equal, fail, ok, rejects } from "node:assert/strict";
import { isHeadwaterError, type Meter, type SourceDevice } from "../../lib/index.ts";
import { assertBytes, joinBytes } from "./bytes.ts";
import type { Register } from "./register.ts";
import { collect, holdBack, rangesOf } from "./source-calls.ts";

/** A source under test, with what it is known to hold. */
export interface SourceSubject {
  readonly device: SourceDevice;
  readonly bytes: Uint8Array;
  /**
   * Holds back every answer for now; the function that it resolves to lets them go. Without it,
   * what happens to a call that is under way is tested only as far as chance allows.
   */
  readonly hold?: () => Promise<() => void>;
  /** Called after each test, when the device is closed. */
  readonly release?: () => Promise<void>;
}

export interface SourceFactory {
  /** Opens a source of about `size` bytes; of exactly none where it is 0, if it can. */
  open(size: number): Promise<SourceSubject>;
}

const SIZE = 100_003;

/**
 * Registers the tests of everything that `SourceDevice` promises. Each opens a device of its own
 * and closes it.
 */
export function sourceConformance(register: Register, factory: SourceFactory): void {
  const test = (
    name: string,
    run: (subject: SourceSubject) => Promise<void>,
    size = SIZE,
  ): void => {
    register(name, async () => {
      const subject = await factory.open(size);
      try {
        await run(subject);
      } finally {
        await subject.device.close();
        await subject.release?.();
      }
    });
  };
  describesItself(test);
  reads(test);
  streams(test);
  aborts(test);
  closes(test);
}

type Test = (name: string, run: (subject: SourceSubject) => Promise<void>, size?: number) => void;

function describesItself(test: Test): void {
  test("says its size and its identity, and keeps to them", async ({ device, bytes }) => {
    const { size, identity } = device;
    equal(size, bytes.length);
    ok(identity.length > 0, "the identity is empty");
    await device.read(0, size);
    deepEqual([device.size, device.identity], [size, identity]);
  });

  test("what opening asked for lies in the device, and is right", async ({ device, bytes }) => {
    const { offset, length } = device.opened ?? { offset: 0, length: 0 };
    ok(offset >= 0 && offset + length <= device.size, `opened ${length} bytes at ${offset}`);
    if (device.stream === undefined) return;
    const first = await collect(device, { offset, length });
    assertBytes(first, bytes.subarray(offset, offset + length), "the first stream");
    const again = await collect(device, { offset, length });
    assertBytes(again, bytes.subarray(offset, offset + length), "the same stream again");
  });

  test("a blob of no bytes is a blob", async ({ device, bytes }) => {
    equal(device.size, bytes.length);
    assertBytes(await device.read(0, 0), new Uint8Array(0), "a read of nothing");
  }, 0);
}

function reads(test: Test): void {
  test("reads exactly the bytes asked for", async ({ device, bytes }) => {
    for (const { offset, length } of rangesOf(device.size)) {
      const read = await device.read(offset, length);
      assertBytes(read, bytes.subarray(offset, offset + length), `${length} bytes at ${offset}`);
    }
  });

  test("reads overlap in time and in place", async ({ device, bytes }) => {
    const ranges = [...rangesOf(device.size), ...rangesOf(device.size)];
    const all = await Promise.all(ranges.map(({ offset, length }) => device.read(offset, length)));
    for (const [index, { offset, length }] of ranges.entries()) {
      const read = all[index] ?? fail("a read is missing");
      assertBytes(read, bytes.subarray(offset, offset + length), `${length} bytes at ${offset}`);
    }
  });

  test("gives each read an ArrayBuffer of its own, of its own length", async ({
    device,
    bytes,
  }) => {
    const length = Math.min(100, device.size);
    const one = await device.read(0, length);
    deepEqual([one.byteOffset, one.buffer.byteLength], [0, length]);
    one.fill(0);
    const other = await device.read(0, length);
    assertBytes(other, bytes.subarray(0, length), "after the first result was written to");
  });

  test("never gives fewer bytes: a read past the end rejects", async ({ device }) => {
    await rejects(device.read(device.size - 1, 2), Error);
    await rejects(device.read(device.size, 1), Error);
  });

  test("reports to a meter what it received, at least what it returned", async ({ device }) => {
    let requests = 0;
    let received = 0;
    const meter: Meter = {
      request: () => {
        requests += 1;
      },
      bytes: (count) => {
        received += count;
      },
    };
    const { length } = await device.read(1, device.size - 1, { meter, class: "background" });
    if (requests === 0 && received === 0) return; // it leaves the counting to us
    ok(received >= length, `${received} bytes reported of ${length}`);
  });
}

function streams(test: Test): void {
  test("streams what it reads, in order and without a gap", async ({ device, bytes }) => {
    if (device.stream === undefined) return;
    for (const range of rangesOf(device.size)) {
      const expected = bytes.subarray(range.offset, range.offset + range.length);
      assertBytes(
        await collect(device, range),
        expected,
        `${range.length} bytes at ${range.offset}`,
      );
    }
  });

  test("a piece belongs to its receiver", async ({ device, bytes }) => {
    if (device.stream === undefined) return;
    const pieces: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    for await (const piece of device.stream(0, device.size)) {
      pieces.push(piece);
      copies.push(piece.slice());
    }
    assertBytes(joinBytes(pieces), joinBytes(copies), "pieces kept to the end");
    for (const piece of pieces) piece.fill(0);
    assertBytes(await device.read(0, device.size), bytes, "after the pieces were written to");
  });

  test("what is given back is used again at most, what is kept never", async (subject) => {
    const { device, bytes } = subject;
    if (device.stream === undefined || device.release === undefined) return;
    const kept: { piece: Uint8Array; expected: Uint8Array }[] = [];
    for (let round = 0; round < 6; round += 1) {
      let at = 0;
      for await (const piece of device.stream(0, device.size)) {
        const expected = bytes.subarray(at, at + piece.length);
        assertBytes(piece, expected, `${piece.length} bytes at ${at}, round ${round}`);
        const half = Math.ceil(piece.length / 2);
        kept.push({ piece: piece.subarray(0, half), expected: expected.subarray(0, half) });
        device.release([piece.subarray(half), piece.subarray(0, round % 2 === 0 ? half : 0)]);
        if (round % 2 === 0) kept.pop();
        at += piece.length;
      }
    }
    device.release([new Uint8Array(10)]);
    for (const { piece, expected } of kept) assertBytes(piece, expected, "a part that was kept");
  });

  test("streams side by side do not mix", async ({ device, bytes }) => {
    if (device.stream === undefined) return;
    const ranges = rangesOf(device.size);
    const all = await Promise.all(ranges.map((range) => collect(device, range)));
    for (const [index, { offset, length }] of ranges.entries()) {
      const streamed = all[index] ?? fail("a stream is missing");
      assertBytes(
        streamed,
        bytes.subarray(offset, offset + length),
        `${length} bytes at ${offset}`,
      );
    }
  });

  test("a stream may be left early, or never begun", async ({ device, bytes }) => {
    if (device.stream === undefined) return;
    device.stream(0, device.size);
    for await (const piece of device.stream(0, device.size)) {
      assertBytes(piece, bytes.subarray(0, piece.length), "the first piece");
      break;
    }
    assertBytes(await device.read(0, device.size), bytes, "a read after that");
  });

  test("a stream past the end rejects", async ({ device }) => {
    if (device.stream === undefined) return;
    await rejects(collect(device, { offset: device.size - 1, length: 2 }), Error);
  });
}

function aborts(test: Test): void {
  test("an aborted call rejects with the signal's reason", async ({ device }) => {
    const reason = new Error("not wanted any more");
    const signal = AbortSignal.abort(reason);
    await rejects(device.read(0, 1, { signal }), reason);
    if (device.stream === undefined) return;
    await rejects(collect(device, { offset: 0, length: device.size }, signal), reason);
  });

  test("an abort ends its own call and no other", async ({ device, bytes, hold }) => {
    const letGo = await holdBack(device, hold);
    const reason = new Error("not wanted any more");
    const controller = new AbortController();
    const aborted = device.read(0, device.size, { signal: controller.signal });
    const other = device.read(0, device.size).catch((error: unknown) => error);
    setTimeout(() => controller.abort(reason), letGo === undefined ? 0 : 20);
    const outcome = await aborted.catch((error: unknown) => error);
    letGo?.();
    if (letGo !== undefined) equal(outcome, reason);
    else if (outcome instanceof Uint8Array) assertBytes(outcome, bytes, "a read that was sooner");
    else equal(outcome, reason);
    const whole = await other;
    if (!(whole instanceof Uint8Array)) throw whole;
    assertBytes(whole, bytes, "the other read");
  });

  test("an abort ends a stream with the signal's reason", async ({ device, bytes, hold }) => {
    if (device.stream === undefined) return;
    const reason = new Error("not wanted any more");
    const controller = new AbortController();
    const { signal } = controller;
    const letGo = await holdBack(device, hold);
    const iterator = device.stream(0, device.size, { signal })[Symbol.asyncIterator]();
    const next = iterator.next().catch((error: unknown) => error);
    setTimeout(() => controller.abort(reason), letGo === undefined ? 0 : 20);
    const first = await next;
    letGo?.();
    if (letGo !== undefined) equal(first, reason);
    await iterator.return?.();
    assertBytes(await device.read(0, device.size), bytes, "a read after that");
  });

  test("an abort after the end changes nothing", async ({ device, bytes }) => {
    const controller = new AbortController();
    const read = await device.read(0, device.size, { signal: controller.signal });
    controller.abort();
    assertBytes(read, bytes, "what was read");
    assertBytes(await device.read(0, device.size), bytes, "a read after that");
  });
}

function closes(test: Test): void {
  test("closing again is harmless, at once or later", async ({ device }) => {
    await Promise.all([device.close(), device.close()]);
    await device.close();
    await device[Symbol.asyncDispose]();
  });

  test("a read after close rejects with CLOSED", async ({ device }) => {
    await device.close();
    await rejects(device.read(0, 1), (error) => isHeadwaterError(error, "CLOSED"));
  });

  test("close ends what is under way", async ({ device, bytes, hold }) => {
    const letGo = await holdBack(device, hold);
    const reading = device.read(0, device.size).catch((error: unknown) => error);
    await device.close();
    const outcome = await reading;
    letGo?.();
    if (outcome instanceof Uint8Array) assertBytes(outcome, bytes, "a read that was sooner");
    else ok(isHeadwaterError(outcome), `ended with ${outcome}, which is not a HeadwaterError`);
  });
}
