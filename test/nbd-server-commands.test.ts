import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { type NbdServer, serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND, COMMAND_FLAG, NBD_ERROR } from "../adapters/nbd/protocol.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, HeadwaterError } from "../lib/index.ts";
import { GatedDevice } from "./nbd/gated-device.ts";
import { RawClient, type RawRequest, requestBytes } from "./nbd/raw-client.ts";

const test = suite("NBD server, commands");

const REGION_SIZE = 4096;
const SIZE = 20 * REGION_SIZE + 1000;
const original = patternBytes(SIZE);

/** Nothing is hydrated but what is asked for. */
function openClone(): Promise<Clone> {
  return Clone.open({
    source: new MemoryDevice(original.slice()),
    destination: new MemoryDevice(SIZE),
    regionSize: REGION_SIZE,
    readAround: 0,
    noHydration: true,
  });
}

async function withServer(work: (server: NbdServer, clone: Clone) => Promise<void>): Promise<void> {
  await using clone = await openClone();
  await using server = await serveNbd(clone, { port: 0 });
  await work(server, clone);
}

for (const structured of [false, true]) {
  const replies = structured ? "structured" : "simple";

  test(`reads, writes and the rest do what they say, with ${replies} replies`, async () => {
    await withServer(async (server, clone) => {
      await using client = await RawClient.open(server, { structured });
      const { read, write, trim, writeZeroes, prefetch, flush } = COMMAND;
      const expected = original.slice();

      const missing = await client.call({ type: read, offset: 5000, length: 3000 });
      assert.equal(missing.data, Buffer.from(expected.subarray(5000, 8000)));
      const local = await client.call({ type: read, offset: 5001, length: 10 });
      assert.equal(local.data, Buffer.from(expected.subarray(5001, 5011)));

      const payload = patternBytes(9000, 7);
      assert.is((await client.call({ type: write, offset: 100, payload })).error, 0);
      expected.set(payload, 100);
      assert.is((await client.call({ type: writeZeroes, offset: 20_000, length: 9999 })).error, 0);
      expected.fill(0, 20_000, 29_999);
      assert.is((await client.call({ type: trim, offset: 40_000, length: 9000 })).error, 0);
      expected.fill(0, 40_960, 45_056); // the one whole region in it
      assert.is((await client.call({ type: flush })).error, 0);
      const before = clone.hydratedBytesIn(60_000, 5000);
      assert.is((await client.call({ type: prefetch, offset: 60_000, length: 5000 })).error, 0);
      assert.ok(before < 5000);
      assert.is(clone.hydratedBytesIn(60_000, 5000), 5000);

      const all = await client.call({ type: read, offset: 0, length: SIZE });
      assert.equal(all.data, Buffer.from(expected));
    });
  });

  test(`what is wrong has its error, with ${replies} replies`, async () => {
    await withServer(async (server) => {
      await using client = await RawClient.open(server, { structured });
      const { read, write, flush, trim, writeZeroes, prefetch, blockStatus } = COMMAND;
      const wrong: readonly (readonly [number, RawRequest])[] = [
        [NBD_ERROR.invalid, { type: read, offset: SIZE - 1, length: 2 }],
        [NBD_ERROR.invalid, { type: read, offset: 2 ** 53 - 1, length: 1 }],
        [NBD_ERROR.invalid, { type: read, offset: 0, length: 0 }],
        [NBD_ERROR.invalid, { type: read, offset: 0, length: 2 ** 32 - 1 }],
        [NBD_ERROR.invalid, { type: read, flags: COMMAND_FLAG.noHole, offset: 0, length: 1 }],
        [NBD_ERROR.noSpace, { type: write, offset: SIZE - 1, payload: new Uint8Array(2) }],
        [NBD_ERROR.invalid, { type: write, flags: 0x8000, payload: new Uint8Array(2) }],
        [NBD_ERROR.noSpace, { type: writeZeroes, offset: SIZE - 1, length: 2 }],
        [NBD_ERROR.invalid, { type: trim, offset: SIZE - 1, length: 2 }],
        [NBD_ERROR.invalid, { type: prefetch, offset: SIZE, length: 1 }],
        [NBD_ERROR.invalid, { type: flush, offset: 1 }],
        [NBD_ERROR.invalid, { type: blockStatus, offset: 0, length: 1 }], // nothing chosen
        [NBD_ERROR.invalid, { type: 77, offset: 0, length: 1 }],
        [
          NBD_ERROR.notSupported,
          { type: writeZeroes, flags: COMMAND_FLAG.fastZero, offset: 0, length: 4096 },
        ],
      ];
      for (const [error, request] of wrong) {
        const reply = await client.call(request);
        assert.is(reply.error, error, JSON.stringify(request));
        assert.is(reply.message !== "", structured);
      }
      // What was refused did nothing, and the connection goes on.
      const all = await client.call({ type: read, offset: 0, length: SIZE });
      assert.equal(all.data, Buffer.from(original));
    });
  });
}

test("DF is for structured replies, and a read that is too long then has its own error", async () => {
  await withServer(async (server) => {
    const { read } = COMMAND;
    const flags = COMMAND_FLAG.dontFragment;
    await using simple = await RawClient.open(server);
    const refused = await simple.call({ type: read, flags, length: 10 });
    assert.is(refused.error, NBD_ERROR.invalid);
    await using structured = await RawClient.open(server, { structured: true });
    const whole = await structured.call({ type: read, flags, length: 10 });
    assert.equal(whole.data, Buffer.from(original.subarray(0, 10)));
    await using huge = await serveNbd(new GatedDevice(2 ** 26, { isOpen: true }), { port: 0 });
    await using client = await RawClient.open(huge, { structured: true });
    const long = await client.call({ type: read, flags, length: 2 ** 25 + 1 });
    assert.is(long.error, NBD_ERROR.overflow);
  });
});

test("block status tells what is hydrated, and never calls the rest a hole", async () => {
  await withServer(async (server, clone) => {
    await clone.read(2 * REGION_SIZE, 2 * REGION_SIZE);
    const contexts = ["base:allocation", "x-headwater:state"];
    await using client = await RawClient.open(server, { structured: true, contexts });
    const type = COMMAND.blockStatus;
    const { statuses } = await client.call({ type, offset: 100, length: 6 * REGION_SIZE });
    assert.equal(statuses, [
      [1, 6 * REGION_SIZE, 0],
      [2, 2 * REGION_SIZE - 100, 0, 2 * REGION_SIZE, 1, 2 * REGION_SIZE + 100, 0],
    ]);
    const flags = COMMAND_FLAG.requestOne;
    const one = await client.call({ type, flags, offset: 100, length: 6 * REGION_SIZE });
    assert.equal(one.statuses[1], [2, 2 * REGION_SIZE - 100, 0]);
  });
});

test("FUA reaches the clone, and a flush is one", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd(device, { port: 0 });
  await using client = await RawClient.open(server);
  const flags = COMMAND_FLAG.fua;
  await client.call({ type: COMMAND.write, flags, offset: 1, payload: new Uint8Array(2) });
  await client.call({ type: COMMAND.writeZeroes, flags, offset: 3, length: 4 });
  await client.call({ type: COMMAND.trim, flags, offset: 5, length: 6 });
  await client.call({ type: COMMAND.write, offset: 7, payload: new Uint8Array(8) });
  await client.call({ type: COMMAND.flush });
  assert.equal(device.log, [
    "write with fua 1 2",
    "zeroes with fua 3 4",
    "discard with fua 5 6",
    "write 7 8",
    "flush 0 0",
  ]);
});

test("a failure of the clone has the error that names it", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd(device, { port: 0 });
  await using client = await RawClient.open(server, { structured: true });
  const codes = {
    DESTINATION_FULL: NBD_ERROR.noSpace,
    DESTINATION_FAILED: NBD_ERROR.inputOutput,
    SOURCE_FAILED: NBD_ERROR.inputOutput,
    CLOSED: NBD_ERROR.shutdown,
    READ_ONLY: NBD_ERROR.notPermitted,
  } as const;
  for (const [code, error] of Object.entries(codes)) {
    device.failure = new HeadwaterError(code as keyof typeof codes, `it is ${code}`);
    const reply = await client.call({ type: COMMAND.write, payload: new Uint8Array(1) });
    assert.equal([reply.error, reply.message], [error, `it is ${code}`]);
  }
  device.failure = undefined;
  assert.is((await client.call({ type: COMMAND.read, length: 5 })).error, 0);
});

test("writes to what is read-only are refused, also when it became so meanwhile", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  const exports = { fixed: { clone: device, readOnly: true }, free: device };
  await using server = await serveNbd(exports, { port: 0 });
  const changes: readonly RawRequest[] = [
    { type: COMMAND.write, payload: new Uint8Array(9000) },
    { type: COMMAND.writeZeroes, length: 1 },
    { type: COMMAND.trim, length: 1 },
  ];
  const errors = async (client: RawClient): Promise<number[]> => {
    const found: number[] = [];
    for (const request of changes) found.push((await client.call(request)).error);
    return found;
  };
  const { notPermitted } = NBD_ERROR;
  await using fixed = await RawClient.open(server, { name: "fixed" });
  assert.equal(await errors(fixed), [notPermitted, notPermitted, notPermitted]);
  await using free = await RawClient.open(server, { name: "free" });
  assert.equal(await errors(free), [0, 0, 0]);
  device.mode = "read-only";
  assert.equal(await errors(free), [notPermitted, notPermitted, notPermitted]);
  assert.is((await free.call({ type: COMMAND.read, length: 5 })).error, 0);
});

test("many requests in one packet, and one in many, have each their answer", async () => {
  await withServer(async (server, clone) => {
    await clone.hydrate();
    await using client = await RawClient.open(server);
    const lengths = Array.from({ length: 300 }, (_, index) => 1 + ((index * 7919) % 70_000));
    client.socket.cork();
    for (const length of lengths) client.ask({ type: COMMAND.read, offset: 3, length });
    client.socket.uncork();
    const seen = new Map<number, Buffer>();
    for (const _ of lengths) {
      // Answers may overtake each other: the cookie says whose length it is.
      const head = await client.take(16);
      const cookie = head.readUInt32BE(12);
      seen.set(cookie, await client.take(lengths[cookie - 1] ?? 0));
    }
    assert.is(seen.size, lengths.length);
    for (const [cookie, data] of seen) {
      const expected = original.subarray(3, 3 + (lengths[cookie - 1] ?? 0));
      assert.ok(data.equals(expected), `answer ${cookie} has other bytes`);
    }
  });
});

test("a request that comes byte by byte is understood", async () => {
  await withServer(async (server, clone) => {
    await using client = await RawClient.open(server);
    client.socket.setNoDelay(true);
    const payload = patternBytes(40, 3);
    for (const byte of requestBytes({ type: COMMAND.write, offset: 10, payload }, 9)) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await client.reply(0).then(({ cookie, error }) => [cookie, error]), [9, 0]);
    assert.equal(await clone.read(10, 40), payload);
  });
});

test.run();
