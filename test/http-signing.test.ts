import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type HttpOptions,
  type HttpSigned,
  type HttpSigner,
  http,
} from "../adapters/http/index.ts";
import type { SourceDevice } from "../lib/index.ts";
import { Blobs } from "./origin/blobs.ts";
import { startOrigin } from "./origin/client.ts";
import { failureOf } from "./origin/spent.ts";
import { rejection } from "./rejection.ts";

const test = suite("http requests that are signed");

const SIZE = 300_001;
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE);
const NAME = "store://shelf/blob";

test.after(() => origin.close());

/** Signs URLs of a path, each with a number of its own, and keeps what it was asked. */
class CountingSigner {
  readonly asked: { url: string; refused: string | undefined }[] = [];
  readonly #path: string;
  readonly #more: Partial<HttpSigned>;

  constructor(path: string, more: Partial<HttpSigned> = {}) {
    this.#path = path;
    this.#more = more;
  }

  readonly sign: HttpSigner = async ({ url, refused }) => {
    this.asked.push({ url: url.href, refused: refused?.search });
    return { url: `${blobs.url(this.#path)}&number=${this.asked.length}`, ...this.#more };
  };
}

function open(signer: CountingSigner, options: HttpOptions = {}): Promise<SourceDevice> {
  const nominal = "http://shelf.invalid/blob?x=1"; // nobody answers there
  return http(nominal, { head: 1000, name: NAME, sign: signer.sign, ...options }).open();
}

test("each request goes where the function says, with its headers", async () => {
  const path = await blobs.add();
  const signer = new CountingSigner(path, { headers: { "X-Key": "SECRET" } });
  await using source = await open(signer);
  assert.equal(await source.read(0, 1000), blobs.bytes(0, 1000));
  assert.equal(await source.read(5000, 100), blobs.bytes(5000, 100));
  const asked = { url: "http://shelf.invalid/blob?x=1", refused: undefined };
  assert.equal(signer.asked, [asked, asked]);
  const requests = await origin.requests(path);
  assert.equal(
    requests.map(({ headers }) => headers["x-key"]),
    ["SECRET", "SECRET"],
  );
  assert.equal((await origin.counts(path)).requests, 2);
});

test("what is refused is signed once more, and no more often", async () => {
  for (const status of [400, 401, 403]) {
    const path = await blobs.add({ status, times: 1 });
    const signer = new CountingSigner(path);
    await using source = await open(signer);
    assert.equal(await source.read(0, 1000), blobs.bytes(0, 1000));
    assert.match(signer.asked[1]?.refused ?? "", "number=1");

    const closed = await blobs.add({ status });
    const refused = new CountingSigner(closed);
    const error = await failureOf(open(refused));
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, false);
    assert.not.match(error.message, "SECRET");
    assert.is(refused.asked.length, 2);
  }
  const missing = new CountingSigner(await blobs.add({ status: 404 }));
  assert.is((await failureOf(open(missing))).code, "SOURCE_NOT_FOUND");
  assert.is(missing.asked.length, 1);
});

test("a copy goes on under its name, wherever that is now", async () => {
  const path = await blobs.add();
  await using first = await open(new CountingSigner(path));
  assert.match(first.identity, /^store:\/\/shelf\/blob etag=/);
  const { size, identity } = first;
  const opener = http("http://moved.invalid/", {
    name: NAME,
    sign: new CountingSigner(path).sign,
  });
  assert.ok(opener.recognizes(identity));
  assert.not(http("http://shelf.invalid/blob").recognizes(identity));
  await using again = await opener.open({ known: { size, identity } });
  assert.equal(await again.read(5000, 100), blobs.bytes(5000, 100));
});

test("the headers stay behind when it is redirected to another origin", async () => {
  const [from, to] = [await blobs.add(), await blobs.add()];
  await origin.set(from, { redirect: origin.otherUrl(`${to}?size=${SIZE}&seed=7`) });
  const signer = new CountingSigner(from, { headers: { "x-key": "SECRET" } });
  await using source = await open(signer);
  await source.read(5000, 100);
  assert.is(signer.asked.length, 1); // where it led is remembered
  const keys = (await origin.requests(to)).map(({ headers }) => headers["x-key"]);
  assert.equal(keys, [undefined, undefined]);
});

test("a remembered redirect that expires is signed anew", async () => {
  const [from, to] = [await blobs.add(), await blobs.add({ status: 403, skip: 1, times: 1 })];
  await origin.set(from, { redirect: origin.otherUrl(`${to}?size=${SIZE}&seed=7`) });
  const signer = new CountingSigner(from);
  await using source = await open(signer);
  assert.equal(await source.read(5000, 100), blobs.bytes(5000, 100));
  assert.is(signer.asked.length, 2);
});

test("a user name in the URL is not sent where the signed one leads", async () => {
  const [from, path] = [await blobs.add(), await blobs.add()];
  await origin.set(from, { redirect: `${path}?size=${SIZE}&seed=7` });
  const signer = new CountingSigner(from);
  const source = http("http://user:word@shelf.invalid/", { name: NAME, sign: signer.sign });
  await (await source.open()).close();
  const requests = [...(await origin.requests(from)), ...(await origin.requests(path))];
  assert.equal(
    requests.map(({ headers }) => headers.authorization),
    [undefined, undefined],
  );
});

test("what signs and gives no HTTP URL, or fails, ends the request", async () => {
  for (const url of ["ftp://127.0.0.1/x?SECRET", "no URL, SECRET"]) {
    const error = await rejection(http("http://x.invalid", { sign: () => ({ url }) }).open());
    assert.instance(error, TypeError);
    assert.not.match((error as Error).message, "SECRET");
  }
  const broken = new Error("no keys");
  const sign = (): Promise<HttpSigned> => Promise.reject(broken);
  assert.is(await rejection(http("http://x.invalid", { sign }).open()), broken);
});

test("who waits for a signature can give up", async () => {
  const ending = new AbortController();
  const sign = (): Promise<HttpSigned> => new Promise(() => {});
  const opening = http("http://x.invalid", { sign }).open({ signal: ending.signal });
  ending.abort(new Error("enough"));
  assert.is(((await rejection(opening)) as Error).message, "enough");
});

test("a refusal is explained by its body, and keeps what its status means", async () => {
  const retryAfter = { "retry-after": "7" };
  const path = await blobs.add({ status: 503, headers: retryAfter });
  const seen: string[] = [];
  const explaining = http(blobs.url(path), {
    explain: ({ status, body }) => {
      seen.push(`${status} ${body}`);
      return { message: "the shelf is full" };
    },
  });
  const error = await failureOf(explaining.open());
  assert.match(error.message, /answered 503 Service Unavailable: the shelf is full$/);
  assert.equal([error.code, error.retryable, error.retryAfterMs], ["SOURCE_FAILED", true, 7000]);
  assert.match(seen[0] ?? "", /^503 ./);

  const other = http(blobs.url(path), {
    explain: () => ({ message: "gone", code: "SOURCE_NOT_FOUND", retryable: false }),
  });
  const gone = await failureOf(other.open());
  assert.equal([gone.code, gone.retryable], ["SOURCE_NOT_FOUND", false]);
  const usual = await failureOf(http(blobs.url(path), { explain: () => undefined }).open());
  assert.match(usual.message, /answered 503 Service Unavailable$/);
});

test("nobody is asked to explain what the source settles itself", async () => {
  const path = await blobs.add({ status: 412, only: { header: "if-match" } });
  const explain = (): never => {
    throw new Error("it was asked");
  };
  await using source = await blobs.open(path, { explain });
  assert.equal(await source.read(5000, 100), blobs.bytes(5000, 100));
  await using empty = await http(blobs.url(await blobs.add(), 0), { explain }).open();
  assert.is(empty.size, 0);
});

test("options that make no sense are refused", () => {
  const sign = (): HttpSigned => ({ url: "http://x.invalid" });
  const url = "http://x.invalid";
  assert.throws(() => http(url, { sign, headers: { a: "b" } }), /headers and sign exclude/);
  for (const name of ["blob", "store://a b", ""]) {
    assert.throws(() => http(url, { name }), /name is no URL without spaces/);
  }
});

test.run();
