import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { Authority } from "./origin/certificates.ts";
import { startOrigin } from "./origin/client.ts";
import { startProxy } from "./origin/proxy.ts";
import { failureOf } from "./origin/spent.ts";

const test = suite("http over TLS and proxies");

const authority = new Authority("authority of the test");
const { ca } = authority;
const tls = { ...authority.issue("server"), ca, requestCert: true, rejectUnauthorized: false };
const [origin, plain] = await Promise.all([startOrigin({ tls }), startOrigin()]);

test.after(async () => {
  await Promise.all([origin.close(), plain.close()]);
});

test("a server is trusted by the authority that was given", async () => {
  await using source = await http(origin.url("/given"), { tls: { ca } }).open();
  assert.equal(await source.read(5, 5), origin.bytes(1, 5, 5));
});

test("a server that nobody vouches for is refused, once and for all", async () => {
  const stranger = new Authority("another authority");
  for (const options of [{}, { tls: { ca: stranger.ca } }]) {
    const error = await failureOf(http(origin.url("/stranger"), options).open());
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, false);
    assert.match(error.message, "no connection that can be trusted");
  }
  assert.is((await origin.counts("/stranger")).requests, 0);
});

test("the client's certificate is shown to the URL's own origin and to no other", async () => {
  await origin.set("/near", { redirect: origin.otherUrl("/far") });
  const client = authority.issue("client");
  await using source = await http(origin.url("/near"), { tls: { ca: [ca], ...client } }).open();
  await source.read(5000, 10, { class: "background" });
  const clients = async (path: string): Promise<unknown[]> =>
    (await origin.requests(path)).map((request) => request.client ?? "none");
  assert.equal(await clients("/near"), ["client"]);
  assert.equal(await clients("/far"), ["none", "none"]);
});

test("a redirect from https to http is refused", async () => {
  await origin.set("/downgrade", { redirect: plain.url("/x") });
  const error = await failureOf(http(origin.url("/downgrade"), { tls: { ca } }).open());
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, false);
  assert.match(error.message, "from https to http");
  assert.is((await plain.counts("/x")).requests, 0);
});

test("a redirect from http to https is followed, without credentials", async () => {
  await plain.set("/upgrade", { redirect: origin.url("/upgraded") });
  const options = { tls: { ca }, headers: { authorization: "Bearer WORD" } };
  await using source = await http(plain.url("/upgrade"), options).open();
  assert.equal(await source.read(5, 5), origin.bytes(1, 5, 5));
  assert.not.match(JSON.stringify(await origin.requests("/upgraded")), "WORD");
});

test("a proxy carries plain requests, and TLS through a tunnel", async () => {
  await using proxy = await startProxy();
  const options = { tls: { ca }, proxy: proxy.url.replace("//", "//me:word@") };
  for (const server of [plain, origin]) {
    await using source = await http(server.url("/proxied?signature=1"), options).open();
    assert.equal(await source.read(0, 131_072), server.bytes(1, 0, 131_072));
    assert.equal(await source.read(5000, 10), server.bytes(1, 5000, 10));
  }
  const host = (server: typeof plain): string => new URL(server.url("/")).host;
  const seen = new Set(proxy.requests.map(({ line }) => line));
  assert.ok(seen.has(`GET ${plain.url("/proxied?signature=1")}`));
  assert.ok(seen.has(`CONNECT ${host(origin)}`));
  const expected = `Basic ${Buffer.from("me:word").toString("base64")}`;
  for (const { authorization } of proxy.requests) assert.is(authorization, expected);
});

test("the proxy of the environment is used only where that is asked for", async () => {
  await using proxy = await startProxy();
  process.env.http_proxy = proxy.url;
  try {
    await using source = await http(plain.url("/direct")).open();
    assert.equal(await source.read(5, 5), plain.bytes(1, 5, 5));
    assert.is(proxy.requests.length, 0);

    await using proxied = await http(plain.url("/env"), { proxy: "env" }).open();
    assert.equal(await proxied.read(5, 5), plain.bytes(1, 5, 5));
    assert.ok(proxy.requests.length > 0);
  } finally {
    delete process.env.http_proxy;
  }
});

test("a proxy that refuses fails the request, and no message has its password", async () => {
  await using proxy = await startProxy({ refuse: true });
  const options = { tls: { ca }, proxy: proxy.url.replace("//", "//me:WORD@") };
  for (const server of [plain, origin]) {
    const error = await failureOf(http(server.url("/refused"), options).open());
    assert.is(error.code, "SOURCE_FAILED");
    assert.not.match(`${error.message} ${error.cause}`, "WORD");
  }
});

test.run();
