import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { type HttpServer, serveHttp } from "../adapters/serve-http/index.ts";
import { Clone, HeadwaterError } from "../lib/index.ts";
import { heldSource, isOver, until } from "./devices/held-source.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { contentOf } from "./origin/content.ts";
import { rejection } from "./rejection.ts";
import { partsOf, RawHttp } from "./serve-http/raw-http.ts";

const test = suite("serve-http");

const SIZE = 3_000_000;
const content = Buffer.from(contentOf(5, 0, SIZE));
const makeSource = (identity = "v1"): ScriptedSource =>
  new ScriptedSource(new Uint8Array(content), { identity });
const makeClone = (source: ScriptedSource, options = {}): Promise<Clone> =>
  Clone.open({ source, destination: new MemoryDevice(SIZE), ...options });

async function tagOf(server: HttpServer): Promise<string | null> {
  const { headers } = await fetch(server.url, { method: "HEAD" });
  return headers.get("etag");
}

test("what is asked for is fetched, and little else", async () => {
  const source = makeSource();
  await using clone = await makeClone(source, { noHydration: true, readAround: 0 });
  await using server = await serveHttp(clone);
  const response = await fetch(server.url, { headers: { range: "bytes=1000000-1999999" } });
  assert.is(response.status, 206);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(content.subarray(1e6, 2e6)));
  assert.is(source.servedBytes, 31 * 65536 - 15 * 65536); // whole regions
  assert.is(server.stats().bytesSent, 1e6);
});

test("parts far from each other come in one answer", async () => {
  await using clone = await makeClone(makeSource(), { noHydration: true });
  await using server = await serveHttp(clone);
  await using client = new RawHttp(server.address.port);
  const answer = await client.ask("GET /", "Range: bytes=0-999999,-500000");
  const [first, second] = partsOf(answer);
  assert.ok(first?.bytes.equals(content.subarray(0, 1e6)));
  assert.ok(second?.bytes.equals(content.subarray(-500_000)));
});

test("Headwater hydrates from Headwater, each byte once, over three servers", async () => {
  const source = makeSource();
  await using first = await makeClone(source);
  await using firstServer = await serveHttp({ "blob.bin": first });
  await using second = await hydrate(firstServer.url, new MemoryDevice(SIZE));
  await using secondServer = await serveHttp({ "blob.bin": second });
  const last = new MemoryDevice(SIZE);
  await using third = await hydrate(secondServer.url, last);
  await third.hydrated();
  assert.ok(Buffer.from(last.bytes).equals(content));
  assert.is(source.servedBytes, SIZE);
  for (const clone of [second, third]) {
    assert.is(clone.stats().bytesFetched, SIZE);
    assert.ok(clone.status().strongIdentity);
  }
});

test("an empty clone is hydrated too", async () => {
  const source = new MemoryDevice(0);
  await using clone = await Clone.open({ source, destination: new MemoryDevice(0) });
  await using server = await serveHttp(clone);
  await using copy = await hydrate(server.url, new MemoryDevice(0));
  await copy.hydrated();
  assert.is(copy.size, 0);
});

test("two servers call one version the same, and another something else", async () => {
  const tags: (string | null)[] = [];
  for (const identity of ["v1", "v1", "v2"]) {
    await using clone = await makeClone(makeSource(identity));
    await using server = await serveHttp(clone);
    tags.push(await tagOf(server));
    assert.match(tags.at(-1) ?? "", /^"[\w-]{27}"$/);
  }
  assert.is(tags[0], tags[1]);
  assert.is.not(tags[0], tags[2]);
});

test("what a user has written has no validator", async () => {
  await using clone = await makeClone(makeSource());
  await using server = await serveHttp({ a: { blob: clone, lastModified: new Date() } });
  assert.ok(await tagOf(server));
  await clone.write(0, new Uint8Array(10));
  const { headers } = await fetch(server.url, { method: "HEAD" });
  assert.is(headers.get("etag"), null);
  assert.is(headers.get("last-modified"), null);
});

test("an answer that was begun before a write is broken off at it", async () => {
  const { source, next, waiting } = heldSource(new Uint8Array(content), 65536);
  await using clone = await Clone.open({
    source,
    destination: new MemoryDevice(SIZE),
    noHydration: true,
  });
  await using server = await serveHttp(clone);
  await using client = new RawHttp(server.address.port);
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (client.received.length < 200_000) {
    await until(() => waiting() > 0);
    next();
    await new Promise((done) => setTimeout(done, 5));
  }
  await clone.write(44 * 65536, new Uint8Array(65536)); // a whole region needs no source
  const release = setInterval(next, 1); // what has been asked for may come
  await client.closed;
  clearInterval(release);
  assert.ok(client.received.length < SIZE);
  assert.is(server.stats().failures, 1);
});

test("a client that leaves in the middle harms nobody", async () => {
  const { source, next, waiting } = heldSource(new Uint8Array(content), 65536);
  await using clone = await Clone.open({
    source,
    destination: new MemoryDevice(SIZE),
    noHydration: true,
  });
  await using server = await serveHttp(clone);
  const leaver = new RawHttp(server.address.port);
  leaver.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until(() => waiting() > 0);
  const stayer = fetch(server.url).then((response) => response.arrayBuffer());
  next();
  await until(() => waiting() > 0);
  await leaver[Symbol.asyncDispose]();
  const release = setInterval(next, 1);
  assert.ok(Buffer.from(await stayer).equals(content));
  clearInterval(release);
  assert.is(source.servedBytes, SIZE); // both shared every fetch
  assert.is(server.stats().failures, 0);
});

test("for a client that takes nothing little is read, and at last it is left", async () => {
  const size = 200_000_000;
  let asked = 0;
  const blob = {
    size,
    read: async (offset: number, length: number) => {
      asked = Math.max(asked, offset + length);
      return new Uint8Array(length);
    },
  };
  await using server = await serveHttp(blob, { limits: { stallTimeoutMs: 200 } });
  const client = new RawHttp(server.address.port);
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (server.stats().failures === 0 || server.stats().connections > 0) {
    await new Promise((done) => setTimeout(done, 10));
  }
  // What the sockets of both sides hold is the system's to say.
  assert.ok(asked < 50_000_000, `${asked} bytes were read`);
  await client[Symbol.asyncDispose]();
});

test("requests on one connection are answered in order, and too many end it", async () => {
  await using clone = await makeClone(makeSource());
  await using server = await serveHttp(clone);
  await using client = new RawHttp(server.address.port);
  const requestOf = (first: number): string =>
    `GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=${first}-${first + 99_999}\r\n\r\n`;
  client.send(Array.from({ length: 10 }, (_, index) => requestOf(index * 100_000)).join(""));
  for (let index = 0; index < 10; index += 1) {
    const { body } = await client.answer();
    assert.ok(body.equals(content.subarray(index * 100_000, (index + 1) * 100_000)));
  }
  client.send(Array.from({ length: 500 }, () => requestOf(0)).join(""));
  await client.closed;
});

test("what cannot be read is answered with the reason, or broken off", async () => {
  let fails = true;
  const blob = {
    size: SIZE,
    read: async (offset: number, length: number) => {
      if (fails || offset > 1e6) throw new HeadwaterError("SOURCE_FAILED", "the server is gone");
      return new Uint8Array(length);
    },
  };
  await using server = await serveHttp(blob);
  const failed = await fetch(server.url);
  assert.is(failed.status, 502);
  assert.is(await failed.text(), "the server is gone\n");
  assert.is(failed.headers.get("content-range"), null);
  fails = false;
  await rejection(fetch(server.url).then((response) => response.arrayBuffer()));
  assert.is((await fetch(server.url, { headers: { range: "bytes=0-9" } })).status, 206);
  assert.is(server.stats().failures, 2);
});

test("closing lets an answer come to its end, and takes nothing new", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const blob = {
    size: SIZE,
    read: async (offset: number, length: number) => {
      await held;
      return new Uint8Array(content.subarray(offset, offset + length));
    },
  };
  const server = await serveHttp(blob);
  await using idle = new RawHttp(server.address.port);
  await idle.ask("HEAD /");
  const answer = fetch(server.url).then((response) => response.arrayBuffer());
  while (server.stats().connections < 2) await new Promise((done) => setTimeout(done, 5));
  const { url } = server;
  const closed = server.close();
  await idle.closed; // at once
  await rejection(fetch(url));
  assert.not(await isOver(closed));
  release();
  assert.ok(Buffer.from(await answer).equals(content));
  await closed;
  assert.is(server.stats().connections, 0);
});

test("closing breaks off what does not end in time", async () => {
  const stuck = { size: 10, read: () => new Promise<Uint8Array>(() => {}) };
  const server = await serveHttp(stuck, { limits: { drainTimeoutMs: 50 } });
  const answer = rejection(fetch(server.url));
  while (server.stats().requests === 0) await new Promise((done) => setTimeout(done, 5));
  await server.close();
  await answer;
  assert.is(server.stats().connections, 0);
});

test("a port that is taken, and what cannot be served, is told at once", async () => {
  await using clone = await makeClone(makeSource());
  await using server = await serveHttp({ "a b/c%.bin": clone });
  assert.match(server.url, /\/a%20b\/c%25\.bin$/);
  assert.is((await fetch(server.url, { method: "HEAD" })).status, 200);
  const { port } = server.address;
  const taken = await rejection(serveHttp(clone, { port }));
  assert.is((taken as HeadwaterError).code, "LOCKED");
  assert.instance(await rejection(serveHttp({})), TypeError);
  assert.instance(await rejection(serveHttp({ "../a": clone })), TypeError);
  assert.instance(await rejection(serveHttp({ a: { blob: clone, type: "a\nb" } })), TypeError);
  assert.instance(await rejection(serveHttp(clone, { origins: ["example.org"] })), TypeError);
  assert.instance(await rejection(serveHttp(clone, { limits: { maxRanges: 0 } })), RangeError);
});

test.run();
