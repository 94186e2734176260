import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HttpOptions, http } from "../adapters/http/index.ts";
import type { HeadwaterError, SourceDevice } from "../lib/index.ts";
import { type Rule, startOrigin } from "./origin/client.ts";
import { failureOf, Spent } from "./origin/spent.ts";

const test = suite("http faults");

const SIZE = 1_000_003;
const SEED = 7;
const origin = await startOrigin();
let paths = 0;

/** A path that no other test uses, with these rules. */
async function blob(...rules: Rule[]): Promise<string> {
  paths += 1;
  const path = `/blob-${paths}`;
  await origin.set(path, ...rules);
  return path;
}

function urlOf(path: string, size = SIZE): string {
  return origin.url(`${path}?size=${size}&seed=${SEED}&signature=SECRET`);
}

function open(path: string, options?: HttpOptions): Promise<SourceDevice> {
  return http(urlOf(path), options).open();
}

/** How opening fails where the server does this. */
async function openingFailure(rule: Rule, options?: HttpOptions): Promise<HeadwaterError> {
  return failureOf(open(await blob(rule), options));
}

/** How a read of 1000 bytes at 5000 fails, where the server does this after a good opening. */
async function readingFailure(rule: Rule, options?: HttpOptions): Promise<HeadwaterError> {
  await using source = await open(await blob({ skip: 1, ...rule }), options);
  return await failureOf(source.read(5000, 1000)); // before the source is closed
}

/** What a stream brought before it failed, and how it failed. */
async function brokenStream(
  source: SourceDevice,
  offset: number,
  length: number,
): Promise<{ bytes: Uint8Array; error: HeadwaterError; spent: Spent }> {
  const pieces: Uint8Array[] = [];
  const spent = new Spent();
  const error = await failureOf(
    (async () => {
      for await (const piece of source.stream?.(offset, length, { meter: spent }) ?? []) {
        pieces.push(piece);
      }
    })(),
  );
  return { bytes: new Uint8Array(Buffer.concat(pieces)), error, spent };
}

test.after(() => origin.close());

test("a missing object is SOURCE_NOT_FOUND, at opening and later", async () => {
  for (const status of [404, 410]) {
    for (const error of [await openingFailure({ status }), await readingFailure({ status })]) {
      assert.is(error.code, "SOURCE_NOT_FOUND");
      assert.is(error.retryable, false);
    }
  }
});

test("a refusal is not tried again, and says what may help", async () => {
  for (const [status, advice] of [
    [401, /`headers`/],
    [403, /signed URL may have expired/],
    [400, /answered 400/],
  ] as const) {
    const error = await readingFailure({ status });
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, false);
    assert.match(error.message, advice);
  }
});

test("a server in trouble may be tried again, after as long as it asks for", async () => {
  const inTwoHours = new Date(Date.now() + 7_200_000).toUTCString();
  for (const status of [500, 502, 503, 504, 429, 408]) {
    const error = await readingFailure({ status });
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, true);
    assert.is(error.retryAfterMs, undefined);
  }
  for (const status of [429, 503]) {
    const error = await readingFailure({ status, headers: { "retry-after": "7" } });
    assert.is(error.retryAfterMs, 7000);
    const later = await readingFailure({ status, headers: { "retry-after": inTwoHours } });
    const minutes = (later.retryAfterMs ?? 0) / 60_000;
    assert.ok(minutes > 110 && minutes <= 120, `${minutes} minutes`);
  }
});

test("nothing is tried again inside the source", async () => {
  for (const rule of [{ status: 503 }, { silence: "reset" }] as const) {
    const path = await blob({ skip: 1, ...rule });
    await using source = await open(path);
    await failureOf(source.read(5000, 1000));
    assert.is((await origin.counts(path)).requests, 2);
  }
});

test("a connection that breaks before the answer may be tried again", async () => {
  for (const silence of ["reset", "end"] as const) {
    for (const error of [await openingFailure({ silence }), await readingFailure({ silence })]) {
      assert.is(error.code, "SOURCE_FAILED");
      assert.is(error.retryable, true);
      assert.instance(error.cause, Error);
    }
  }
});

test("a refused connection may be tried again", async () => {
  const gone = await startOrigin();
  await gone.close();
  const error = await failureOf(http(gone.url("/x?signature=SECRET")).open());
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, true);
  assert.not.match(error.message, "SECRET");
});

test("what arrived before a body broke off is handed on, then the error", async () => {
  const cases = [
    { rule: { cut: { after: 300_000, how: "reset" } }, code: "SOURCE_FAILED" },
    { rule: { cut: { after: 300_000, how: "end" } }, code: "SHORT_READ" },
    { rule: { cut: { after: 300_000, how: "end" }, chunked: true }, code: "SHORT_READ" },
  ] as const;
  for (const { rule, code } of cases) {
    await using source = await open(await blob({ skip: 1, ...rule }));
    const { bytes, error, spent } = await brokenStream(source, 100_000, 500_000);
    assert.equal(bytes, origin.bytes(SEED, 100_000, 300_000));
    assert.is(error.code, code);
    assert.is(error.retryable, true);
    assert.is(error.offset, 100_000);
    assert.is(error.length, 500_000);
    assert.is(spent.requests, 1);
    assert.is(spent.received, 300_000);
  }
});

test("a body that breaks off is gone on with from there", async () => {
  await using source = await open(
    await blob({ skip: 1, times: 1, cut: { after: 300_000, how: "reset" } }),
  );
  const { bytes } = await brokenStream(source, 0, SIZE);
  const rest = await source.read(bytes.length, SIZE - bytes.length);
  const whole = new Uint8Array(Buffer.concat([bytes, rest]));
  assert.equal(whole, origin.bytes(SEED, 0, SIZE));
});

test("an opening that broke while nobody wanted it is asked for again", async () => {
  const path = await blob({ times: 1, cut: { after: 1000, how: "reset" } });
  await using source = await open(path);
  while (process.getActiveResourcesInfo().includes("TCPSocketWrap")) {
    await new Promise((resolve) => setImmediate(resolve)); // until the reset has come
  }
  const spent = new Spent();
  const bytes = await source.read(0, 131_072, { meter: spent });
  assert.equal(bytes, origin.bytes(SEED, 0, 131_072));
  assert.is((await origin.counts(path)).requests, 2);
  assert.is(spent.requests, 2);
  assert.is(spent.received, 1000 + 131_072);
});

test("a body that is too long is never handed on, and its length is noticed before", async () => {
  const early = await readingFailure({ surplus: 10 });
  assert.is(early.code, "SOURCE_FAILED");
  assert.match(early.message, "Content-Length: 1010");

  await using source = await open(await blob({ skip: 1, surplus: 70_000, chunked: true }));
  const { bytes, error } = await brokenStream(source, 5000, 1000);
  assert.is(error.code, "SOURCE_FAILED");
  assert.is(error.retryable, true);
  assert.ok(bytes.length <= 1000, `${bytes.length} bytes`);
});

test("silence before the answer ends in TIMEOUT", async () => {
  const options = { headersTimeoutMs: 50 };
  for (const error of [
    await openingFailure({ silence: "stall" }, options),
    await readingFailure({ silence: "stall" }, options),
  ]) {
    assert.is(error.code, "TIMEOUT");
    assert.is(error.retryable, true);
  }
});

test("silence in mid-body ends in TIMEOUT, after what had come", async () => {
  const rule = { skip: 1, cut: { after: 300, how: "stall" } } as const;
  await using source = await open(await blob(rule), { stallTimeoutMs: 50 });
  const { bytes, error } = await brokenStream(source, 5000, 1000);
  assert.equal(bytes, origin.bytes(SEED, 5000, 300));
  assert.is(error.code, "TIMEOUT");
  assert.is(error.retryable, true);
});

test("a body that drips is given up, one that is only slow is not", async () => {
  const drip = { skip: 1, trickle: { bytes: 1, everyMs: 5 } };
  const error = await readingFailure(drip, { stallTimeoutMs: 100 });
  assert.is(error.code, "TIMEOUT");

  const slow = await blob({ skip: 1, trickle: { bytes: 2000, everyMs: 20 } });
  await using source = await open(slow, { stallTimeoutMs: 1000 });
  assert.equal(await source.read(5000, 60_000), origin.bytes(SEED, 5000, 60_000));
});

test("a reader that takes its time is no stall", async () => {
  await using source = await http(urlOf(await blob(), 8 * 2 ** 20), { stallTimeoutMs: 60 }).open();
  const stream = source.stream?.(0, 8 * 2 ** 20)[Symbol.asyncIterator]();
  let received = (await stream?.next())?.value.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (let piece = await stream?.next(); !piece?.done; piece = await stream?.next()) {
    received += piece?.value.length;
  }
  assert.is(received, 8 * 2 ** 20);
});

test("an answer with another part is refused before a byte of it is handed on", async () => {
  for (const claim of [{ start: 4999 }, { end: 6000 }, { start: 0, end: 999 }]) {
    await using source = await open(await blob({ skip: 1, claim }));
    const { bytes, error } = await brokenStream(source, 5000, 1000);
    assert.is(bytes.length, 0);
    assert.is(error.code, "SOURCE_FAILED");
    assert.is(error.retryable, true);
    assert.match(error.message, "Content-Range");
  }
  for (const claim of [{ start: 1 }, { end: 131_072 }]) {
    assert.is((await openingFailure({ claim })).code, "SOURCE_FAILED");
  }
  for (const range of ["bytes 5000-5999", "bytes 5999-5000/1000003", "items 5000-5999/9", null]) {
    const error = await readingFailure({ headers: { "content-range": range } });
    assert.is(error.code, "SOURCE_FAILED");
  }
});

test("another total is another object", async () => {
  assert.is((await readingFailure({ claim: { total: SIZE + 1 } })).code, "SOURCE_CHANGED");
});

test("several parts in one answer are refused", async () => {
  const headers = { "content-type": "multipart/byteranges; boundary=x" };
  assert.is((await openingFailure({ headers })).code, "RANGE_UNSUPPORTED");
  assert.is((await readingFailure({ headers })).code, "RANGE_UNSUPPORTED");
});

test("an encoded answer is refused, and named", async () => {
  const headers = { "content-encoding": "gzip" };
  for (const error of [await openingFailure({ headers }), await readingFailure({ headers })]) {
    assert.is(error.code, "RANGE_UNSUPPORTED");
    assert.match(error.message, "gzip");
  }
  const path = await blob({ headers: { "content-encoding": "identity" } });
  await using source = await open(path);
  assert.equal(await source.read(5, 5), origin.bytes(SEED, 5, 5));
});

test("a server that ignores Range is refused with advice, and not downloaded", async () => {
  const path = await blob({ ignoreRange: true });
  const error = await failureOf(http(urlOf(path, 2 ** 30)).open());
  assert.is(error.code, "RANGE_UNSUPPORTED");
  assert.is(error.retryable, false);
  assert.match(error.message, "wholePass");
  assert.ok((await origin.counts(path)).bytes < 2 ** 26);
  assert.is((await readingFailure({ ignoreRange: true })).code, "RANGE_UNSUPPORTED");
});

test("a server that ignores Range is read in one pass where that is asked for", async () => {
  const path = await blob({ ignoreRange: true });
  await using source = await open(path, { wholePass: true });
  assert.equal(source.opened, { offset: 0, length: SIZE });
  assert.equal(await source.read(0, SIZE), origin.bytes(SEED, 0, SIZE));
  assert.equal(await origin.counts(path), { requests: 1, bytes: SIZE });

  assert.equal(await source.read(0, SIZE), origin.bytes(SEED, 0, SIZE), "the whole, once more");
  assert.is((await failureOf(source.read(1, 10))).code, "RANGE_UNSUPPORTED");
});

test("one pass is not taken where the server can serve parts", async () => {
  await using source = await open(await blob(), { wholePass: true });
  assert.equal(source.opened, { offset: 0, length: 131_072 });
});

test("a whole answer is good where all of a small blob was asked for", async () => {
  const path = await blob({ ignoreRange: true });
  await using source = await http(urlOf(path, 5000)).open();
  assert.equal(await source.read(0, 5000), origin.bytes(SEED, 0, 5000));
  assert.is((await origin.counts(path)).requests, 1);
});

test("a size that nobody says is SIZE_UNKNOWN", async () => {
  for (const rule of [
    { claim: { total: "*" } },
    { ignoreRange: true, chunked: true },
  ] satisfies Rule[]) {
    assert.is((await openingFailure(rule)).code, "SIZE_UNKNOWN");
    assert.is((await openingFailure(rule, { wholePass: true })).code, "SIZE_UNKNOWN");
  }
  assert.is((await readingFailure({ claim: { total: "*" } })).code, "SIZE_UNKNOWN");
});

test("parts that come without Content-Length are read", async () => {
  await using source = await open(await blob({ chunked: true }));
  assert.equal(await source.read(0, SIZE), origin.bytes(SEED, 0, SIZE));
});

test("416 for a part that exists is another object where the size says so", async () => {
  const error = await readingFailure({ status: 416, headers: { "content-range": "bytes */10" } });
  assert.is(error.code, "SOURCE_CHANGED");
  assert.is((await readingFailure({ status: 416 })).code, "SOURCE_FAILED");
});

test("no message has the query, whatever goes wrong", async () => {
  const rules: Rule[] = [
    { status: 404 },
    { status: 403 },
    { status: 500 },
    { silence: "reset" },
    { silence: "stall" },
    { cut: { after: 10, how: "reset" } },
    { claim: { start: 3 } },
    { version: 1 },
    { redirect: "http://[" },
    { redirect: "ftp://example.org/?signature=SECRET" },
  ];
  for (const rule of rules) {
    const error = await readingFailure(rule, { headersTimeoutMs: 30 });
    for (let part: unknown = error; part instanceof Error; part = part.cause) {
      assert.not.match(`${part.message} ${part.stack} ${JSON.stringify(part)}`, "SECRET");
    }
  }
});

test.run();
