import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Fetch, fetchFrom } from "../adapters/fetch/index.ts";
import { close, content, type Opened, open, openStuck, SIZE } from "./doors/opened.ts";
import { rejection } from "./rejection.ts";

const test = suite<Opened>("fetch");
test.before.each(open);
test.after.each(close);

const URL_OF = "https://example.org/a.bin?v=1";

test("ranges come from the clone, whatever shape the request has", async ({ clone, source }) => {
  const fetchOurs = fetchFrom({ [URL_OF]: { blob: clone, type: "image/tiff" } });
  const headers = { range: "bytes=1000-1999" };
  const shapes: Parameters<Fetch>[] = [
    [URL_OF, { headers }],
    [`${URL_OF}#part`, { headers: [["Range", headers.range]] }],
    [new URL(URL_OF), { headers: new Headers(headers), method: "get" }],
    [new Request(URL_OF, { headers })],
    [new Request(URL_OF), { headers }],
  ];
  for (const shape of shapes) {
    const response = await fetchOurs(...shape);
    assert.is(response.status, 206);
    assert.is(response.url, URL_OF);
    assert.is(response.headers.get("content-range"), `bytes 1000-1999/${SIZE}`);
    assert.is(response.headers.get("content-type"), "image/tiff");
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.ok(content.subarray(1000, 2000).equals(bytes));
  }
  assert.is(source.servedBytes, 65536);
});

test("HEAD, conditions and the whole are answered as by a server", async ({ clone }) => {
  const fetchOurs = fetchFrom(new Map([[URL_OF, clone]]));
  const head = await fetchOurs(URL_OF, { method: "HEAD" });
  assert.is(head.headers.get("content-length"), `${SIZE}`);
  assert.is(head.body, null);
  const etag = head.headers.get("etag") ?? "";
  const same = await fetchOurs(URL_OF, { headers: { "if-none-match": etag } });
  assert.is(same.status, 304);
  const other = { range: "bytes=0-9", "if-match": '"x"' };
  assert.is((await fetchOurs(URL_OF, { headers: other })).status, 412);
  const outside = await fetchOurs(URL_OF, { headers: { range: `bytes=${SIZE}-` } });
  assert.is(outside.status, 416);
  const whole = await fetchOurs(URL_OF);
  assert.ok(content.equals(new Uint8Array(await whole.arrayBuffer())));
});

test("everything else goes on as it came", async ({ clone }) => {
  const passed: Parameters<Fetch>[] = [];
  const fallback: Fetch = async (...request) => {
    passed.push(request);
    return new Response("passed on");
  };
  const fetchOurs = fetchFrom((url) => (url.pathname === "/a" ? clone : undefined), { fallback });
  const post = new Request("https://example.org/a", { method: "POST", body: "text" });
  const init = { headers: { range: "bytes=0-1" } };
  const requests: Parameters<Fetch>[] = [
    ["https://example.org/b", init],
    [post],
    ["https://example.org/a", { method: "PUT", body: "x" }],
    ["/relative"],
  ];
  for (const request of requests) {
    assert.is(await (await fetchOurs(...request)).text(), "passed on");
  }
  assert.equal(
    passed.map(([input]) => input),
    requests.map(([input]) => input),
  );
  assert.is(passed[0]?.[1], init);
  assert.is(await post.text(), "text"); // nobody has read it
  assert.is((await fetchOurs("https://example.org/a")).status, 200);
});

test("an abort ends it, before and within the body", async () => {
  await using clone = await openStuck();
  const fetchOurs = fetchFrom({ [URL_OF]: clone });
  const reason = new Error("enough");
  const early = fetchOurs(URL_OF, { signal: AbortSignal.abort(reason) });
  assert.is(await rejection(early), reason);
  const ending = new AbortController();
  const response = await fetchOurs(new Request(URL_OF, { signal: ending.signal }));
  const body = rejection(response.arrayBuffer());
  ending.abort(reason);
  assert.is(await body, reason);
  assert.throws(() => fetchFrom({ "not a url": clone }));
});

test.run();
