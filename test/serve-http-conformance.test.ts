import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { type HttpServer, serveHttp } from "../adapters/serve-http/index.ts";
import { Clone } from "../lib/index.ts";
import { contentOf } from "./origin/content.ts";
import { CASES, DATE } from "./serve-http/cases.ts";
import { partsOf, type RawAnswer, RawHttp } from "./serve-http/raw-http.ts";

interface Context {
  clone: Clone;
  server: HttpServer;
  client: RawHttp;
  /** Of the strong blob at /a.bin. */
  etag: string;
}

const SIZE = 1000;
const CHANGED = new Date("2024-01-02T03:04:05.678Z");
const content = Buffer.from(contentOf(3, 0, SIZE));

const test = suite<Context>("serve-http, RFC 9110");

test.before(async (context) => {
  const source = new MemoryDevice(new Uint8Array(content), { identity: "blob, first version" });
  const clone = await Clone.open({ source, destination: new MemoryDevice(SIZE) });
  const weak = { strongIdentity: false, written: false, identity: "weak" };
  const none = { size: 0, read: async () => new Uint8Array() };
  const weakly = {
    size: SIZE,
    read: (offset: number, length: number) => clone.read(offset, length),
    status: () => weak,
  };
  context.clone = clone;
  context.server = await serveHttp(
    {
      "a.bin": { blob: clone, type: "image/tiff", lastModified: CHANGED },
      weak: weakly,
      empty: none,
    },
    { origins: ["https://example.org"], allowedHosts: ["blobs.example"] },
  );
  context.client = new RawHttp(context.server.address.port);
  const { headers } = await context.client.ask("HEAD /a.bin");
  context.etag = headers.get("etag") ?? "";
});

test.after(async ({ client, server, clone }) => {
  await client[Symbol.asyncDispose]();
  await server.close();
  await clone.close();
});

assert.ok(Object.keys(CASES).length >= 80);

for (const [name, [lines, [status, body, headers = {}]]] of Object.entries(CASES)) {
  test(name, async ({ client, etag }) => {
    const sent = lines === "" ? [] : lines.replace(/\bE\b/g, etag).split("\n");
    const answer = await client.ask("GET /a.bin", ...sent);
    assert.is(answer.status, status, answer.body.toString());
    checkFraming(answer, etag);
    if (body !== undefined) checkBody(answer, body.split(" "));
    for (const [header, value] of Object.entries(headers)) {
      assert.is(answer.headers.get(header), value, header);
    }
    // HEAD is answered as GET without a range.
    const head = await client.ask("HEAD /a.bin", ...sent);
    const withoutRange = sent.filter((line) => !/^range/i.test(line));
    const whole = await client.ask("GET /a.bin", ...withoutRange);
    assert.is(head.status, whole.status);
    const dateless = (found: RawAnswer): string[] =>
      [...found.headers].filter(([header]) => header !== "date").map(String);
    assert.equal(dateless(head), dateless(whole));
  });
}

function checkFraming({ status, headers, body }: RawAnswer, etag: string): void {
  if (status === 403 || status === 421) return;
  assert.is(headers.get("content-encoding"), undefined);
  if (status === 412) return;
  assert.is(headers.get("etag"), etag);
  assert.is(headers.get("last-modified"), DATE);
  assert.is(headers.get("accept-ranges"), "bytes");
  if (status === 304) assert.is(headers.get("content-length"), undefined);
  else assert.is(headers.get("content-length"), `${body.length}`);
  const wanted = status === 416 ? `bytes */${SIZE}` : undefined;
  if (status !== 206) assert.is(headers.get("content-range"), wanted);
}

function checkBody(answer: RawAnswer, expected: readonly string[]): void {
  const bytesOf = (range: string): Buffer => {
    const [first = 0, last = 0] = range.split("-").map(Number);
    return content.subarray(first, last + 1);
  };
  const [only = "", ...others] = expected;
  if (others.length === 0) {
    assert.is(answer.headers.get("content-type"), "image/tiff");
    assert.ok(answer.body.equals(bytesOf(only)), only);
    const range = answer.status === 206 ? `bytes ${only}/${SIZE}` : undefined;
    assert.is(answer.headers.get("content-range"), range);
    return;
  }
  assert.is(answer.headers.get("content-range"), undefined);
  const parts = partsOf(answer);
  assert.equal(
    parts.map(({ range }) => range),
    expected.map((range) => `${range}/${SIZE}`),
  );
  for (const [index, { bytes }] of parts.entries()) {
    assert.ok(bytes.equals(bytesOf(expected[index] ?? "")), `part ${index}`);
  }
}

test("a weak ETag asks and answers like none that is strong", async ({ client }) => {
  const { headers } = await client.ask("HEAD /weak");
  const etag = headers.get("etag") ?? "";
  assert.match(etag, /^W\/"[\w-]{27}"$/);
  const statusOf = async (line: string): Promise<number> =>
    (await client.ask("GET /weak", line, "Range: bytes=0-0")).status;
  assert.is(await statusOf(`If-None-Match: ${etag}`), 304);
  assert.is(await statusOf(`If-Match: ${etag}`), 412);
  assert.is(await statusOf(`If-Range: ${etag}`), 200);
  assert.is(await statusOf("Accept: */*"), 206);
});

test("an empty blob is empty, and has no ranges but a suffix of it", async ({ client }) => {
  const statusOf = async (line: string): Promise<number> =>
    (await client.ask("GET /empty", line)).status;
  assert.is(await statusOf("Accept: */*"), 200);
  assert.is(await statusOf("Range: bytes=0-"), 416);
  assert.is(await statusOf("Range: bytes=0-0"), 416);
  assert.is(await statusOf("Range: bytes=-5"), 200);
});

test("what cannot be done is said, and the connection goes on", async ({ client }) => {
  const post = await client.ask("POST /a.bin", "Content-Length: 3", "", "abc");
  assert.is(post.status, 405);
  assert.is(post.headers.get("allow"), "GET, HEAD, OPTIONS");
  assert.is((await client.ask("DELETE /a.bin")).status, 405);
  assert.is((await client.ask("GET /b.bin")).status, 404);
  assert.is((await client.ask("GET /%ff")).status, 404);
  assert.is((await client.ask("GET /../etc/passwd")).status, 404);
  assert.is((await client.ask("GET /%61.bin?query#x")).status, 200);
  assert.is((await client.ask("GET http://localhost/a.bin", "Host: evil.example")).status, 200);
  assert.is((await client.ask("GET http://evil.example/a.bin")).status, 421);
});

test("a page asks before it asks for a range", async ({ client }) => {
  const ask = (origin: string): Promise<RawAnswer> =>
    client.ask(
      "OPTIONS /a.bin",
      `Origin: ${origin}`,
      "Access-Control-Request-Method: GET",
      "Access-Control-Request-Headers: range",
      "Access-Control-Request-Private-Network: true",
    );
  const { status, headers } = await ask("http://127.0.0.1:8000");
  assert.is(status, 204);
  assert.is(headers.get("access-control-allow-origin"), "http://127.0.0.1:8000");
  assert.match(headers.get("access-control-allow-headers") ?? "", /^range, if-range,/);
  assert.is(headers.get("access-control-allow-private-network"), "true");
  assert.is((await ask("https://example.com")).status, 403);
});

test("without Host there is no answer but 400", async ({ server }) => {
  await using client = new RawHttp(server.address.port);
  client.send("GET /a.bin HTTP/1.1\r\n\r\n");
  await client.closed;
  assert.match(client.received.toString(), /^HTTP\/1\.1 400 /);
});

test.run();
