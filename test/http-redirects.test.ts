import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HttpOptions, http } from "../adapters/http/index.ts";
import type { SourceDevice } from "../lib/index.ts";
import { startOrigin } from "./origin/client.ts";
import { failureOf, Spent } from "./origin/spent.ts";

const test = suite("http redirects and credentials");

const SIZE = 300_001;
const SEED = 7;
const QUERY = `?size=${SIZE}&seed=${SEED}`;
const origin = await startOrigin();
let paths = 0;

/** A path that no other test uses. */
function newPath(): string {
  paths += 1;
  return `/blob-${paths}`;
}

function open(path: string, options: HttpOptions = {}): Promise<SourceDevice> {
  return http(origin.url(`${path}?signature=SECRET`), { head: 1000, ...options }).open();
}

async function checkRead(source: SourceDevice, offset: number): Promise<void> {
  assert.equal(await source.read(offset, 100), origin.bytes(SEED, offset, 100));
}

async function requestsTo(path: string): Promise<number> {
  return (await origin.counts(path)).requests;
}

test.after(() => origin.close());

test("a redirect is followed once, counted, and remembered", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const [from, to] = [newPath(), newPath()];
    await origin.set(from, { redirect: to + QUERY, status });
    await using source = await open(from);
    assert.is(source.size, SIZE);
    const spent = new Spent();
    await source.read(0, 1000, { meter: spent });
    assert.is(spent.requests, 2);
    await checkRead(source, 5000);
    await checkRead(source, 6000);
    assert.is(await requestsTo(from), 1);
    assert.is(await requestsTo(to), 3);
    assert.match(source.identity, `${from} etag`);
  }
});

test("a chain of redirects is followed, a loop is not", async () => {
  const chain = Array.from({ length: 11 }, newPath);
  for (const [index, path] of chain.entries()) {
    const next = chain[index + 1];
    if (next !== undefined) await origin.set(path, { redirect: next + QUERY });
  }
  await using source = await open(chain[0] ?? "");
  await checkRead(source, 5000);

  const loop = newPath();
  await origin.set(loop, { redirect: loop });
  const error = await failureOf(open(loop));
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, false);
  assert.is(await requestsTo(loop), 11);
});

test("a redirect to no HTTP URL is refused", async () => {
  for (const redirect of ["http://[", "ftp://127.0.0.1/x", "data:,x"]) {
    const path = newPath();
    await origin.set(path, { redirect });
    const error = await failureOf(open(path));
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, false);
  }
});

test("a remembered address that stops working is looked up again, once", async () => {
  for (const status of [401, 403, 404, 410]) {
    const [from, old, next] = [newPath(), newPath(), newPath()];
    await origin.set(
      from,
      { redirect: next + QUERY, skip: 1 },
      { redirect: old + QUERY, times: 1 },
    );
    await origin.set(old, { status, skip: 2 });
    await using source = await open(from);
    await checkRead(source, 5000);
    const spent = new Spent();
    await source.read(6000, 100, { meter: spent });
    assert.is(spent.requests, 3);
    await checkRead(source, 7000);
    assert.equal(
      [await requestsTo(from), await requestsTo(old), await requestsTo(next)],
      [2, 3, 2],
    );
  }
});

test("an address that stays broken fails the read, and does not ask for ever", async () => {
  const [from, to] = [newPath(), newPath()];
  await origin.set(from, { redirect: to + QUERY });
  await origin.set(to, { status: 403, skip: 1 });
  await using source = await open(from);
  assert.is((await failureOf(source.read(5000, 100))).code, "SOURCE_FAILED");
  assert.equal([await requestsTo(from), await requestsTo(to)], [2, 3]);
});

test("a remembered server that is gone is looked up again", async () => {
  await using second = await startOrigin();
  const [from, to] = [newPath(), newPath()];
  await origin.set(
    from,
    { redirect: to + QUERY, skip: 1 },
    { redirect: second.url(`/there${QUERY}`), times: 1 },
  );
  await using source = await open(from);
  await source.read(0, 1000);
  await second.close();
  // The connection that was kept may break first, which a later try would mend.
  await source.read(5000, 100).catch(() => {});
  await checkRead(source, 6000);
  assert.is(await requestsTo(from), 2);
});

test("another trouble of a remembered address is told, not taken for its end", async () => {
  const [from, to] = [newPath(), newPath()];
  await origin.set(from, { redirect: to + QUERY });
  await origin.set(to, { status: 503, skip: 1, times: 1 });
  await using source = await open(from);
  assert.is((await failureOf(source.read(5000, 100))).retryable, true);
  await checkRead(source, 5000);
  assert.is(await requestsTo(from), 1);
});

test("credentials follow a redirect within the origin, and never leave it", async () => {
  const headers = { Authorization: "Bearer WORD", Cookie: "a=WORD", "X-Api-Key": "WORD" };
  const [from, near, far] = [newPath(), newPath(), newPath()];
  const [back, last] = [newPath(), newPath()];
  await origin.set(from, { redirect: near });
  await origin.set(near, { redirect: origin.otherUrl(far) });
  await origin.set(far, { redirect: origin.url(back) });
  await origin.set(back, { redirect: last + QUERY });
  await using source = await open(from, { headers });
  await checkRead(source, 5000);

  for (const path of [from, near]) {
    const sent = (await origin.requests(path))[0]?.headers;
    assert.is(sent?.authorization, "Bearer WORD");
    assert.is(sent?.cookie, "a=WORD");
    assert.is(sent?.["x-api-key"], "WORD");
  }
  // Not even back at the origin: it was the other server that chose the address.
  for (const path of [far, back, last]) {
    for (const request of await origin.requests(path)) {
      assert.not.match(JSON.stringify(request), "WORD");
      assert.ok(request.headers.range);
    }
  }
});

test("user name and password of the URL are Basic authorization, for its origin only", async () => {
  const [from, far] = [newPath(), newPath()];
  await origin.set(from, { redirect: origin.otherUrl(far + QUERY) });
  const url = new URL(origin.url(from));
  url.username = "me@home";
  url.password = "a:b";
  await using source = await http(url).open();
  await checkRead(source, 5000);

  const expected = `Basic ${Buffer.from("me@home:a:b").toString("base64")}`;
  const [first] = await origin.requests(from);
  assert.is(first?.headers.authorization, expected);
  for (const request of await origin.requests(far)) {
    assert.is(request.headers.authorization, undefined);
  }
  assert.not.match(source.identity, "home");
});

test("a user's own Authorization wins over the one in the URL", async () => {
  const path = newPath();
  const url = origin.url(path).replace("//", "//me:word@");
  await using source = await http(url, { headers: { authorization: "Bearer x" } }).open();
  assert.is(source.size, 2 ** 20);
  assert.is((await origin.requests(path))[0]?.headers.authorization, "Bearer x");
});

test("a function gives the headers of each request, and fresh ones once after a 401", async () => {
  const path = newPath();
  const asked: boolean[] = [];
  const headers = async ({ refused }: { refused: boolean }): Promise<Record<string, string>> => {
    asked.push(refused);
    return { authorization: `Bearer ${asked.length}` };
  };
  await origin.set(path, { status: 401, skip: 1, times: 1 });
  await using source = await http(origin.url(path + QUERY), { headers }).open();
  const spent = new Spent();
  await source.read(5000, 100, { meter: spent });
  assert.is(spent.requests, 2);
  assert.equal(asked, [false, false, true]);
  const sent = (await origin.requests(path)).map((request) => request.headers.authorization);
  assert.equal(sent, ["Bearer 1", "Bearer 2", "Bearer 3"]);
});

test("credentials that stay refused are an error after one more try", async () => {
  const path = newPath();
  await origin.set(path, { status: 401 });
  const error = await failureOf(open(path, { headers: () => ({ authorization: "Bearer x" }) }));
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, false);
  assert.is(await requestsTo(path), 2);
});

test("an error of the user's function is the user's own", async () => {
  const reason = new Error("no token today");
  const headers = (): never => {
    throw reason;
  };
  assert.is(await open(newPath(), { headers }).catch((error) => error), reason);
});

test("a function that never answers is waited for no longer than the signal says", async () => {
  const abort = new AbortController();
  const headers = (): Promise<never> => new Promise(() => {});
  const opening = http(origin.url(newPath()), { headers }).open({ signal: abort.signal });
  const reason = new Error("enough");
  abort.abort(reason);
  assert.is(await opening.catch((error) => error), reason);
});

test("a message names the server that a redirect led to, without its path", async () => {
  const [from, far] = [newPath(), newPath()];
  await origin.set(from, { redirect: origin.otherUrl(`${far}?signature=SECRET`) });
  await origin.set(far, { silence: "reset" });
  const { message } = await failureOf(open(from));
  assert.match(message, from);
  assert.match(message, new URL(origin.otherUrl("/")).origin);
  assert.not.match(message, "SECRET");
});

test.run();
