import { spawnSync } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND, NBD_ERROR } from "../adapters/nbd/protocol.ts";
import { HeadwaterError } from "../lib/index.ts";
import { GatedDevice } from "./nbd/gated-device.ts";
import { RawClient, requestBytes } from "./nbd/raw-client.ts";
import { until } from "./nbd/waiting.ts";
import { rejection } from "./rejection.ts";

const test = suite("NBD server, closing");

const SIZE = 2 ** 20;

test("who leaves gets the answers to what was asked before", async () => {
  const device = new GatedDevice(SIZE);
  await using server = await serveNbd(device, { port: 0 });
  const leave = [
    (client: RawClient): void => client.send(requestBytes({ type: COMMAND.disconnect }, 0)),
    (client: RawClient): void => void client.socket.end(),
  ];
  const clients: RawClient[] = [];
  for (const how of leave) {
    const client = await RawClient.open(server);
    client.ask({ type: COMMAND.read, length: 5 });
    client.ask({ type: COMMAND.write, payload: new Uint8Array(5) });
    how(client);
    clients.push(client);
  }
  await until(() => device.waiting === 4);
  device.open();
  for (const client of clients) {
    assert.is((await client.reply(5)).error, 0);
    assert.is((await client.reply(0)).error, 0);
    await client.untilClosed();
  }
});

test("who is gone waits for nothing: its reads end", async () => {
  const device = new GatedDevice(SIZE);
  await using server = await serveNbd(device, { port: 0 });
  const client = await RawClient.open(server);
  client.ask({ type: COMMAND.read, length: 5 });
  await until(() => device.waiting === 1);
  client.socket.resetAndDestroy();
  await until(() => device.log.includes("read ended early"));
  await until(() => server.stats().connections === 0);
  device.open();
});

test("closing answers what is in flight, refuses the rest, and flushes", async () => {
  const device = new GatedDevice(SIZE);
  const server = await serveNbd(device, { port: 0 });
  await using client = await RawClient.open(server);
  await using shaking = await RawClient.connect(server);
  client.ask({ type: COMMAND.write, payload: new Uint8Array(5).fill(9) });
  await until(() => device.waiting === 1);
  const closing = server.close();
  await shaking.untilClosed();
  const late = await client.call({ type: COMMAND.read, length: 5 });
  assert.is(late.error, NBD_ERROR.shutdown);
  await rejection(RawClient.connect(server));
  device.open();
  assert.is((await client.reply(0)).error, 0);
  await client.untilClosed();
  await closing;
  assert.equal(device.log, ["write 0 5", "flush 0 0"]);
  assert.is(server.stats().connections, 0);
});

test("closing waits for a request no longer than it may", async () => {
  const device = new GatedDevice(SIZE);
  const limits = { drainTimeoutMs: 100 };
  const server = await serveNbd({ disk: { clone: device, readOnly: true } }, { port: 0, limits });
  await using client = await RawClient.open(server);
  client.ask({ type: COMMAND.read, length: 5 });
  await until(() => device.waiting === 1);
  await server.close();
  await client.untilClosed();
  device.open();
});

test("a signal closes the server, and a failed flush is told", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  const abort = new AbortController();
  const server = await serveNbd(device, { port: 0, signal: abort.signal });
  await using client = await RawClient.open(server);
  device.failure = new HeadwaterError("DESTINATION_FAILED", "the disk is gone");
  abort.abort();
  await client.untilClosed();
  const error = await rejection(server.close());
  assert.match(String(error), "the disk is gone");
});

test("the socket of a dead server is replaced; a live one and another file are not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-nbd-"));
  try {
    const device = new GatedDevice(SIZE, { isOpen: true });
    const unix = join(folder, "a b.sock");
    const dies = `require("net").createServer().listen(${JSON.stringify(unix)}, () =>
      process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["--eval", dies]);
    assert.ok((await stat(unix)).isSocket());
    const server = await serveNbd(device, { unix });
    assert.is(server.uri, `nbd+unix:///?socket=${folder}/a%20b.sock`);
    await using client = await RawClient.open(server);
    const locked = await rejection(serveNbd(device, { unix }));
    assert.match(String(locked), "in use by another server");
    assert.is((await client.call({ type: COMMAND.read, length: 5 })).error, 0);
    await server.close();
    await rejection(stat(unix));

    await writeFile(unix, "mine");
    const exists = await rejection(serveNbd(device, { unix }));
    assert.match(String(exists), "is not a socket");
    assert.is((await stat(unix)).size, 4);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
