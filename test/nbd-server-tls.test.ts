import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NbdServer, type NbdTls, serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND, OPTION, OPTION_REPLY } from "../adapters/nbd/protocol.ts";
import { GatedDevice } from "./nbd/gated-device.ts";
import { goBytes, optionBytes, RawClient } from "./nbd/raw-client.ts";
import { run } from "./nbd/served-file.ts";
import { until } from "./nbd/waiting.ts";
import { Authority, type Certificate } from "./origin/certificates.ts";
import { findProgram } from "./programs.ts";
import { rejection } from "./rejection.ts";

const test = suite("NBD server, TLS");

const SIZE = 2 ** 20;
const ACCEPT = Buffer.from([0, 0, 0, 3]);
const ours = new Authority("ours");
const theirs = new Authority("theirs");
const own = ours.issue("127.0.0.1");
const guest = ours.issue("guest");
const stranger = theirs.issue("stranger");

async function withServer(
  tls: Partial<NbdTls>,
  work: (server: NbdServer, device: GatedDevice) => Promise<void>,
): Promise<void> {
  const device = new GatedDevice(SIZE, { isOpen: true });
  const exports = { disk: { clone: device, description: "a secret" } };
  await using server = await serveNbd(exports, { port: 0, tls: { ...own, ...tls } });
  await work(server, device);
}

/** Says STARTTLS, and goes on in secret. */
async function encrypted(server: NbdServer, certificate?: Certificate): Promise<RawClient> {
  const plain = await RawClient.connect(server);
  plain.send(ACCEPT);
  const [reply] = await plain.option(OPTION.startTls);
  if (reply?.type !== OPTION_REPLY.ack) throw new Error(`STARTTLS was refused: ${reply?.type}`);
  plain.letGo();
  const options = { ca: ours.ca, ...certificate };
  const socket: TLSSocket = connectTls({ ...options, socket: plain.socket, host: "127.0.0.1" });
  await once(socket, "secureConnect");
  return new RawClient(socket);
}

async function readsFive(client: RawClient): Promise<void> {
  client.send(goBytes("disk"));
  assert.is((await client.optionReplies()).at(-1)?.type, OPTION_REPLY.ack);
  assert.is((await client.call({ type: COMMAND.read, length: 5 })).data.length, 5);
}

test("who does not encrypt is told nothing but that it must", async () => {
  await withServer({}, async (server) => {
    assert.match(server.uri, /^nbds:/);
    await using client = await RawClient.connect(server);
    client.send(ACCEPT);
    for (const option of [OPTION.list, OPTION.go, OPTION.info, OPTION.structuredReply, 99]) {
      const replies = await client.option(option);
      assert.equal(
        replies.map(({ type }) => type),
        [OPTION_REPLY.errTlsRequired],
      );
      assert.not.match(replies[0]?.contents.toString() ?? "", "secret");
    }
    client.send(optionBytes(OPTION.exportName, Buffer.from("disk")));
    await client.untilClosed();
  });
});

test("who encrypts is served, and what was agreed on before counts no more", async () => {
  await withServer({ required: false }, async (server) => {
    assert.match(server.uri, /^nbd:/);
    await using plain = await RawClient.connect(server);
    plain.send(ACCEPT);
    await readsFive(plain);

    const client = await encrypted(server);
    const again = await client.option(OPTION.startTls);
    assert.is(again[0]?.type, OPTION_REPLY.errInvalid);
    await readsFive(client);
    const payload = new Uint8Array(300_000).fill(7);
    assert.is((await client.call({ type: COMMAND.write, offset: 99, payload })).error, 0);
    const back = await client.call({ type: COMMAND.read, offset: 99, length: 300_000 });
    assert.ok(back.data.equals(payload));
    await client[Symbol.asyncDispose]();
    await until(() => server.stats().connections === 1);
  });
});

test("with an authority, only those that it has signed are let in", async () => {
  await withServer({ ca: ours.ca }, async (server) => {
    const client = await encrypted(server, guest);
    await readsFive(client);
    for (const certificate of [undefined, stranger]) {
      await rejection(
        encrypted(server, certificate).then(async (wrong) => {
          // TLS 1.3 tells the client only after it believes to be in.
          await readsFive(wrong);
        }),
      );
    }
    await client.call({ type: COMMAND.read, length: 5 });
    await until(() => server.stats().connections === 1);
    await client[Symbol.asyncDispose]();
  });
});

test("what is slipped in behind STARTTLS ends the connection", async () => {
  await withServer({}, async (server) => {
    await using client = await RawClient.connect(server);
    client.socket.cork();
    client.send(ACCEPT);
    client.send(optionBytes(OPTION.startTls));
    client.send(goBytes("disk"));
    client.socket.uncork();
    await rejection(client.take(1)); // STARTTLS is not even acknowledged
    await client.untilClosed();
    await until(() => server.stats().connections === 0);
  });
});

test("a handshake that is no TLS ends that connection only", async () => {
  await withServer({}, async (server) => {
    await using client = await RawClient.connect(server);
    client.send(ACCEPT);
    await client.option(OPTION.startTls);
    client.send(Buffer.alloc(100, 7));
    await client.untilClosed();
    await until(() => server.stats().connections === 0);
    const other = await encrypted(server);
    await readsFive(other);
    await other[Symbol.asyncDispose]();
  });
});

test("libnbd comes in with its certificate, and not without", async () => {
  const nbdinfo = findProgram("nbdinfo");
  if (nbdinfo === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "headwater-nbd-"));
  try {
    await writeFile(join(folder, "ca-cert.pem"), ours.ca);
    await withServer({ ca: ours.ca }, async (server) => {
      const uri = `${server.uriOf("disk")}?tls-certificates=${folder}`;
      await rejection(run(nbdinfo, [uri]));
      await rejection(run(nbdinfo, [uri.replace(/^nbds/, "nbd")]));
      await writeFile(join(folder, "client-cert.pem"), guest.cert);
      await writeFile(join(folder, "client-key.pem"), guest.key);
      assert.match(await run(nbdinfo, [uri]), "with TLS");
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
