import { once } from "node:events";
import { connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND, NBD_ERROR, OPTION, OPTION_REPLY } from "../adapters/nbd/protocol.ts";
import { GatedDevice } from "./nbd/gated-device.ts";
import { counted, goBytes, optionBytes, RawClient, requestBytes } from "./nbd/raw-client.ts";
import { until } from "./nbd/waiting.ts";
import { rejection } from "./rejection.ts";

const test = suite("NBD server, handshake");

const SIZE = 2 ** 20;
const ACCEPT = Buffer.from([0, 0, 0, 3]);

test("the options of the handshake are answered one by one", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  const exports = { one: { clone: device, description: "the first" }, two: device };
  await using server = await serveNbd(exports, { port: 0 });
  await using client = await RawClient.connect(server);
  client.send(ACCEPT);
  const types = async (option: number, data?: Uint8Array): Promise<number[]> =>
    (await client.option(option, data)).map(({ type }) => type);
  const reply = OPTION_REPLY;

  const listed = await client.option(OPTION.list);
  assert.equal(
    listed.map(({ contents }) => contents.toString()),
    ["\0\0\0\x03onethe first", "\0\0\0\x03two", ""],
  );
  assert.equal(await types(OPTION.list, Buffer.from([1])), [reply.errInvalid]);
  assert.equal(await types(99), [reply.errUnsupported]);
  assert.equal(await types(OPTION.startTls), [reply.errPolicy]);
  assert.equal(await types(OPTION.info, Buffer.from([0, 0, 0, 9, 1])), [reply.errInvalid]);
  const unknown = Buffer.concat([counted("three"), Buffer.from([0, 0])]);
  assert.equal(await types(OPTION.info, unknown), [reply.errUnknown]);
  assert.equal(await types(OPTION.structuredReply, Buffer.from([1])), [reply.errInvalid]);
  const query = Buffer.concat([counted("two"), Buffer.from([0, 0, 0, 0])]);
  assert.equal(await types(OPTION.listMetaContext, query), [reply.errInvalid]); // too early
  assert.equal(await types(OPTION.structuredReply), [reply.ack]);
  const { metaContext, ack } = reply;
  assert.equal(await types(OPTION.listMetaContext, query), [metaContext, metaContext, ack]);
  const base = Buffer.concat([counted("two"), Buffer.from([0, 0, 0, 1]), counted("base:")]);
  assert.equal(await types(OPTION.listMetaContext, base), [metaContext, ack]);
  assert.equal(await types(OPTION.setMetaContext, base), [ack]);
  const all = Buffer.from([0, 3, 0, 1, 0, 2, 0, 3]);
  const infos = await client.option(OPTION.info, Buffer.concat([counted(""), all]));
  const texts = infos.map(({ contents }) => contents.toString("latin1"));
  assert.ok(texts.includes("\0\x01one"), "the default export is the first");
  assert.ok(texts.includes("\0\x02the first"));
  assert.equal(await types(OPTION.abort), [reply.ack]);
  await client.untilClosed();
});

test("a client of the old way names its export and begins", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd({ disk: device }, { port: 0 });
  for (const [flags, padding] of [
    [1, 124],
    [3, 0],
  ] as const) {
    await using client = await RawClient.connect(server);
    client.send(Buffer.from([0, 0, 0, flags]));
    client.send(optionBytes(OPTION.exportName, Buffer.from("disk")));
    const answer = await client.take(10 + padding);
    assert.is(Number(answer.readBigUInt64BE(0)), SIZE);
    assert.is((await client.call({ type: COMMAND.read, length: 5 })).data.length, 5);
  }
  await using lost = await RawClient.connect(server);
  lost.send(ACCEPT);
  lost.send(optionBytes(OPTION.exportName, Buffer.from("other")));
  await lost.untilClosed();
});

test("a context that was chosen for one export does not hold for another", async () => {
  const device = new GatedDevice(SIZE, { isOpen: true });
  await using server = await serveNbd({ one: device, two: device }, { port: 0 });
  await using client = await RawClient.connect(server);
  client.send(ACCEPT);
  await client.option(OPTION.structuredReply);
  const name = counted("base:allocation");
  const query = Buffer.concat([counted("one"), Buffer.from([0, 0, 0, 1]), name]);
  assert.is((await client.option(OPTION.setMetaContext, query)).length, 2);
  client.send(goBytes("two"));
  await client.optionReplies();
  client.send(requestBytes({ type: COMMAND.blockStatus, length: 10 }, 1));
  const error = await client.take(20 + 4);
  assert.is(error.readUInt32BE(20), NBD_ERROR.invalid);
});

const NONSENSE: readonly (readonly [string, Buffer])[] = [
  ["flags that nobody knows", Buffer.from([0, 0, 1, 3])],
  ["an option without its magic", Buffer.concat([ACCEPT, Buffer.alloc(16, 7)])],
  ["an option that is too long", Buffer.concat([ACCEPT, optionBytes(7).fill(255, 12)])],
  [
    "options without end",
    Buffer.concat([ACCEPT, ...Array.from({ length: 40 }, () => optionBytes(99))]),
  ],
  ["a request that is none", Buffer.concat([ACCEPT, goBytes(""), Buffer.alloc(40, 7)])],
  [
    "a write that is too long",
    Buffer.concat([ACCEPT, goBytes(""), requestBytes({ type: 1, length: 2 ** 26 }, 1)]),
  ],
];

for (const [what, bytes] of NONSENSE) {
  test(`${what}: that connection ends, and no other`, async () => {
    const device = new GatedDevice(SIZE, { isOpen: true });
    await using server = await serveNbd(device, { port: 0, limits: { maxOptions: 32 } });
    await using bystander = await RawClient.open(server);
    await using client = await RawClient.connect(server);
    client.send(bytes);
    await client.untilClosed();
    assert.is((await bystander.call({ type: COMMAND.read, length: 5 })).error, 0);
    await until(() => server.stats().connections === 1);
  });
}

test("what cannot be served is refused before anything listens", async () => {
  const device = new GatedDevice(SIZE);
  const wrong = [
    () => serveNbd({}, { port: 0 }),
    () => serveNbd(device, {}),
    () => serveNbd(device, { port: 0, unix: "/tmp/x" }),
    () => serveNbd(device, { unix: `/tmp/${"x".repeat(200)}` }),
    () => serveNbd({ ["x".repeat(5000)]: device }, { port: 0 }),
    () => serveNbd(device, { port: 0, limits: { maxPayload: 100 } }),
    () => serveNbd(device, { port: 0, limits: { maxConnections: 0 } }),
    () => serveNbd(device, { port: 0, tls: { key: "no", cert: "no" } }),
  ];
  for (const serve of wrong) await rejection(serve());
});

test("a connection that says nothing and goes leaves nothing", async () => {
  const device = new GatedDevice(SIZE);
  await using server = await serveNbd({ disk: { clone: device, readOnly: true } }, { port: 0 });
  for (let count = 0; count < 20; count += 1) {
    const socket = connect(server.address.port ?? 0, "127.0.0.1");
    await once(socket, "connect");
    if (count % 2 === 0) socket.end();
    else socket.resetAndDestroy();
  }
  await until(() => server.stats().accepted === 20 && server.stats().connections === 0);
});

test.run();
