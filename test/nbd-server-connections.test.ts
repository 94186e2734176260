import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND } from "../adapters/nbd/protocol.ts";
import { GatedDevice } from "./nbd/gated-device.ts";
import { RawClient, requestBytes } from "./nbd/raw-client.ts";
import { nextProblem, until } from "./nbd/waiting.ts";
import { rejection } from "./rejection.ts";

const test = suite("NBD server, connections");

const SIZE = 2 ** 20;

test("who says nothing in the handshake, or stops in a request, is let go", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  const limits = { handshakeTimeoutMs: 150, stallTimeoutMs: 150 };
  await using server = await serveNbd(device, { port: 0, limits });
  await using idle = await RawClient.open(server);
  await using silent = await RawClient.connect(server);
  assert.match(await nextProblem(server), "no export in time");
  await silent.untilClosed();
  for (const part of [27, 5000]) {
    await using slow = await RawClient.open(server);
    const request = requestBytes({ type: COMMAND.write, payload: new Uint8Array(9000) }, 1);
    slow.send(request.subarray(0, part));
    assert.match(await nextProblem(server), "in the middle");
    await slow.untilClosed();
  }
  // Who asks for nothing may stay.
  assert.is((await idle.call({ type: COMMAND.read, length: 5 })).error, 0);
});

test("who does not take replies is not answered for ever, and let go", async () => {
  const device = new GatedDevice(2 ** 26, { isOpen: true });
  const limits = { stallTimeoutMs: 300, unsentBytes: 2 ** 20, bytesInFlight: 2 ** 20 };
  await using server = await serveNbd(device, { port: 0, limits });
  await using client = await RawClient.open(server);
  client.socket.pause();
  for (let count = 0; count < 200; count += 1) {
    client.ask({ type: COMMAND.read, length: 2 ** 18 });
  }
  assert.match(await nextProblem(server), "in the middle");
  const { bytesRead } = server.stats();
  // As much as was allowed, and what the system took of it.
  assert.ok(bytesRead < 40 * 2 ** 18, `${bytesRead} bytes were read`);
});

test("no more requests are begun than may be in flight", async () => {
  const device = new GatedDevice(SIZE);
  const limits = { requestsInFlight: 4, bytesInFlight: 20_000 };
  await using server = await serveNbd(device, { port: 0, limits });
  await using small = await RawClient.open(server);
  for (let count = 0; count < 20; count += 1) small.ask({ type: COMMAND.read, length: 10 });
  await until(() => device.waiting === 4);
  await using large = await RawClient.open(server);
  for (let count = 0; count < 20; count += 1) {
    large.ask({ type: COMMAND.write, payload: new Uint8Array(10_000) });
  }
  await until(() => device.waiting === 6);
  await sleep(50);
  assert.is(device.waiting, 6);
  device.open();
  for (let count = 0; count < 20; count += 1) {
    assert.is((await small.reply(10)).error, 0);
    assert.is((await large.reply(0)).error, 0);
  }
});

test("there are so many connections and no more", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd(device, { port: 0, limits: { maxConnections: 2 } });
  await using first = await RawClient.open(server);
  await using second = await RawClient.open(server);
  await rejection(RawClient.connect(server));
  assert.is(server.stats().refused, 1);
  first.socket.end();
  await first.untilClosed();
  await until(() => server.stats().connections === 1);
  await using third = await RawClient.open(server);
  assert.is((await third.call({ type: COMMAND.read, length: 5 })).error, 0);
  assert.is((await second.call({ type: COMMAND.read, length: 5 })).error, 0);
});

test("a flush covers what was answered on every connection", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd(device, { port: 0 });
  await using one = await RawClient.open(server);
  await using two = await RawClient.open(server);
  await one.call({ type: COMMAND.write, payload: new Uint8Array(5) });
  await two.call({ type: COMMAND.flush });
  assert.equal(device.log, ["write 0 5", "flush 0 0"]);
});

test("a burst of requests does not keep the thread from others", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  // Each read holds the thread for a while, as that of a slow disk would.
  Object.assign(device, {
    readIntoSync: (_: number, target: Uint8Array) => {
      const end = performance.now() + 0.3;
      while (performance.now() < end);
      return target.length;
    },
  });
  await using server = await serveNbd(device, { port: 0 });
  await using busy = await RawClient.open(server);
  await using other = await RawClient.open(server);
  const burst = Array.from({ length: 1000 }, (_, cookie) =>
    requestBytes({ type: COMMAND.read, length: 1 }, cookie),
  );
  busy.send(Buffer.concat(burst));
  const answered = busy.take(1000 * 17).then(() => "the burst");
  // Many turns of the event loop pass before the burst is answered.
  const turns = (async () => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return "others";
  })();
  assert.is(await Promise.race([answered, turns]), "others");
  const reply = other.call({ type: COMMAND.read, length: 1 }).then(() => "the other client");
  assert.is(await Promise.race([answered, reply]), "the other client");
  await answered;
});

test.run();
