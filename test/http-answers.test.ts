import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { Blobs, brokenStream } from "./origin/blobs.ts";
import { type Rule, startOrigin } from "./origin/client.ts";
import { failureOf } from "./origin/spent.ts";

const test = suite("http answers");

const SIZE = 1_000_003;
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE);

test.after(() => origin.close());

test("an answer with another part is refused before a byte of it is handed on", async () => {
  for (const claim of [{ start: 4999 }, { end: 6000 }, { start: 0, end: 999 }]) {
    await using source = await blobs.open(await blobs.add({ skip: 1, claim }));
    const { bytes, error } = await brokenStream(source, 5000, 1000);
    assert.is(bytes.length, 0);
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, true);
    assert.match(error.message, "Content-Range");
  }
  for (const claim of [{ start: 1 }, { end: 131_072 }]) {
    assert.is((await blobs.openingFailure({ claim })).code, "SOURCE_FAILED");
  }
  for (const range of ["bytes 5000-5999", "bytes 5999-5000/1000003", "items 5000-5999/9", null]) {
    const error = await blobs.readingFailure({ headers: { "content-range": range } });
    assert.is(error.code, "SOURCE_FAILED");
  }
});

test("another total is another object", async () => {
  assert.is((await blobs.readingFailure({ claim: { total: SIZE + 1 } })).code, "SOURCE_CHANGED");
});

test("several parts in one answer are refused", async () => {
  const headers = { "content-type": "multipart/byteranges; boundary=x" };
  assert.is((await blobs.openingFailure({ headers })).code, "RANGE_UNSUPPORTED");
  assert.is((await blobs.readingFailure({ headers })).code, "RANGE_UNSUPPORTED");
});

test("an encoded answer is refused, and named", async () => {
  const headers = { "content-encoding": "gzip" };
  for (const error of [
    await blobs.openingFailure({ headers }),
    await blobs.readingFailure({ headers }),
  ]) {
    assert.is(error.code, "RANGE_UNSUPPORTED");
    assert.match(error.message, "gzip");
  }
  const path = await blobs.add({ headers: { "content-encoding": "identity" } });
  await using source = await blobs.open(path);
  assert.equal(await source.read(5, 5), blobs.bytes(5, 5));
});

test("a server that ignores Range is refused with advice, and not downloaded", async () => {
  const path = await blobs.add({ ignoreRange: true });
  const error = await failureOf(http(blobs.url(path, 2 ** 30)).open());
  assert.is(error.code, "RANGE_UNSUPPORTED");
  assert.is(error.retryable, false);
  assert.match(error.message, "wholePass");
  assert.ok((await origin.counts(path)).bytes < 2 ** 26);
  assert.is((await blobs.readingFailure({ ignoreRange: true })).code, "RANGE_UNSUPPORTED");
});

test("a server that ignores Range is read in one pass where that is asked for", async () => {
  const path = await blobs.add({ ignoreRange: true });
  await using source = await blobs.open(path, { wholePass: true });
  assert.equal(source.opened, { offset: 0, length: SIZE });
  assert.equal(await source.read(0, SIZE), blobs.bytes(0, SIZE));
  assert.equal(await origin.counts(path), { requests: 1, bytes: SIZE });

  assert.equal(await source.read(0, SIZE), blobs.bytes(0, SIZE), "the whole, once more");
  assert.is((await failureOf(source.read(1, 10))).code, "RANGE_UNSUPPORTED");
});

test("one pass is not taken where the server can serve parts", async () => {
  await using source = await blobs.open(await blobs.add(), { wholePass: true });
  assert.equal(source.opened, { offset: 0, length: 131_072 });
});

test("a whole answer is good where all of a small blob was asked for", async () => {
  const path = await blobs.add({ ignoreRange: true });
  await using source = await http(blobs.url(path, 5000)).open();
  assert.equal(await source.read(0, 5000), blobs.bytes(0, 5000));
  assert.is((await origin.counts(path)).requests, 1);
});

test("a size that nobody says is SIZE_UNKNOWN", async () => {
  for (const rule of [
    { claim: { total: "*" } },
    { ignoreRange: true, chunked: true },
  ] satisfies Rule[]) {
    assert.is((await blobs.openingFailure(rule)).code, "SIZE_UNKNOWN");
    assert.is((await blobs.openingFailure(rule, { wholePass: true })).code, "SIZE_UNKNOWN");
  }
  assert.is((await blobs.readingFailure({ claim: { total: "*" } })).code, "SIZE_UNKNOWN");
});

test("parts that come without Content-Length are read", async () => {
  await using source = await blobs.open(await blobs.add({ chunked: true }));
  assert.equal(await source.read(0, SIZE), blobs.bytes(0, SIZE));
});

test("416 for a part that exists is another object where the size says so", async () => {
  const error = await blobs.readingFailure({
    status: 416,
    headers: { "content-range": "bytes */10" },
  });
  assert.is(error.code, "SOURCE_CHANGED");
  assert.is((await blobs.readingFailure({ status: 416 })).code, "SOURCE_FAILED");
});

test.run();
