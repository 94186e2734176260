import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nbd } from "../adapters/nbd/index.ts";
import { makeFolder, type NbdServer, startNbdkit } from "./nbd-source-servers.ts";
import { Authority } from "./origin/certificates.ts";
import { failure } from "./rejection.ts";

interface Context {
  folder: string;
  remove: () => Promise<void>;
  servers: NbdServer[];
}

const test = suite<Context>("NBD source over TLS");

const SIZE = 3 * 2 ** 20;

test.before.each(async (context) => {
  const { path, remove } = await makeFolder();
  Object.assign(context, { folder: path, remove, servers: [] });
});

test.after.each(async ({ servers, remove }) => {
  for (const server of servers) await server.kill();
  await remove();
});

test("TLS is used where it is asked for, with both certificates checked", async (context) => {
  const { folder, servers } = context;
  const authority = new Authority("NBD");
  const server = authority.issue("server");
  const client = authority.issue("client");
  const pki = join(folder, "pki");
  await mkdir(pki);
  for (const [name, text] of [
    ["ca-cert.pem", authority.ca],
    ["server-cert.pem", server.cert],
    ["server-key.pem", server.key],
    ["client-cert.pem", client.cert],
    ["client-key.pem", client.key],
  ] as const) {
    await writeFile(join(pki, name), text);
  }
  const tls = ["--tls=require", "--tls-verify-peer", `--tls-certificates=${pki}`];
  const started = await startNbdkit(folder, [...tls, "pattern", `size=${SIZE}`]);
  if (started === undefined) return;
  servers.push(started);
  const socket = `socket=${folder}/nbd`;
  const good = `nbds+unix:///?${socket}&tls-hostname=127.0.0.1`;
  const certificates = { ca: authority.ca, cert: client.cert, key: client.key };

  for (const opener of [nbd(good, { tls: certificates }), nbd(`${good}&tls-certificates=${pki}`)]) {
    const source = await opener.open();
    const bytes = await source.read(0, SIZE);
    assert.is(new DataView(bytes.buffer).getBigUint64(2 ** 20), BigInt(2 ** 20));
    await source.close();
  }

  const stranger = new Authority("stranger");
  const refusals = [
    [nbd(`nbd+unix:///?${socket}`), /write nbds/],
    [nbd(good), /cannot|unable|trusted|certificate/],
    [nbd(good, { tls: { ...certificates, ca: stranger.ca } }), /trusted/],
    [nbd(`nbds+unix:///?${socket}`, { tls: certificates }), /trusted.*(altname|host)/i],
    [nbd(good, { tls: { ca: authority.ca } }), /certificate|ended|hung up|reset/i],
  ] as const;
  for (const [opener, words] of refusals) {
    const error = await failure(opener.open());
    assert.is(error.code, "SOURCE_FAILED", error.message);
    assert.match(error.message, words);
  }
});

test("nothing is read in the clear where TLS was asked for", async (context) => {
  const server = await startNbdkit(context.folder, ["--tls=off", "pattern", "size=4096"]);
  if (server === undefined) return;
  context.servers.push(server);
  const error = await failure(nbd(server.uri.replace("nbd+", "nbds+")).open());
  assert.equal([error.code, error.retryable], ["SOURCE_FAILED", false]);
  assert.match(error.message, /not served over TLS/);
});

test.run();
