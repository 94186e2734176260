import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HttpOptions, http } from "../adapters/http/index.ts";
import type { SourceDevice } from "../lib/index.ts";
import { Blobs } from "./origin/blobs.ts";
import { type Rule, startOrigin } from "./origin/client.ts";
import { failureOf, Spent } from "./origin/spent.ts";

const test = suite("http versions");

const SIZE = 300_001;
const SEED = 7;
const ETAG = `"${SEED}-${SIZE}-0"`;
const DATE = "Tue, 02 Jan 2024 00:00:00 GMT";
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE, SEED);

function open(path: string, options: HttpOptions = { head: 1000 }): Promise<SourceDevice> {
  return http(blobs.url(path), options).open();
}

/** Opens once, and then again as a later process would, by what the first one remembered. */
async function reopen(path: string, options: HttpOptions = {}): Promise<SourceDevice> {
  const opener = http(blobs.url(path), options);
  await using source = await opener.open();
  return await opener.open({ known: { size: source.size, identity: source.identity } });
}

test.after(() => origin.close());

test("the identity is the URL without query, the best validator and the size", async () => {
  const cases = [
    [{}, `etag=${ETAG}`, true],
    [{ etag: 'W/"5"' }, 'etag=W/"5"', false],
    [{ etag: null }, `last-modified="${DATE}"`, false],
    [{ etag: "no quotes" }, `last-modified="${DATE}"`, false],
    [{ etag: null, lastModified: null }, "unvalidated", false],
  ] as const;
  for (const [rule, validator, isStrong] of cases) {
    const path = await blobs.add(rule);
    await using source = await open(path);
    assert.is(source.identity, `${origin.url(path)} ${validator} size=${SIZE}`);
    assert.is(source.strongIdentity, isStrong);
  }
});

test("an object that changed is SOURCE_CHANGED, by each validator and precondition", async () => {
  const validators: Rule[] = [
    {},
    { etag: null },
    { etag: 'W/"old"' },
    { etag: 'W/"old"', lastModified: null },
  ];
  for (const validator of validators) {
    for (const ignorePreconditions of [false, true]) {
      const etag = validator.etag === 'W/"old"' ? { etag: 'W/"new"' } : {};
      const path = await blobs.add(validator, {
        skip: 1,
        version: 1,
        ignorePreconditions,
        ...etag,
      });
      await using source = await open(path);
      for (let read = 0; read < 2; read += 1) {
        const spent = new Spent();
        const error = await failureOf(source.read(5000, 1000, { meter: spent }));
        assert.is(error.code, "SOURCE_CHANGED");
        assert.is(error.retryable, false);
        assert.ok(spent.requests <= 2);
      }
    }
  }
});

test("an object of another size is SOURCE_CHANGED, without any validator", async () => {
  const path = await blobs.add({ etag: null, lastModified: null }, { skip: 1, size: SIZE + 5 });
  await using source = await open(path);
  assert.is((await failureOf(source.read(5000, 1000))).code, "SOURCE_CHANGED");

  const rule = { etag: null, lastModified: null, ignoreRange: true };
  const whole = await blobs.add(rule, { skip: 1, size: SIZE + 5 });
  await using onePass = await open(whole, { wholePass: true });
  await onePass.read(0, SIZE);
  assert.is((await failureOf(onePass.read(0, SIZE))).code, "SOURCE_CHANGED");
});

test("an answer that no longer says its version is not trusted", async () => {
  await using source = await open(await blobs.add({ skip: 1, etag: null }));
  assert.is((await failureOf(source.read(5000, 1000))).code, "SOURCE_CHANGED");
});

test("a whole answer of another version is not a server without ranges", async () => {
  const rule = { skip: 1, version: 1, ignorePreconditions: true, ignoreRange: true };
  await using source = await open(await blobs.add(rule));
  assert.is((await failureOf(source.read(5000, 1000))).code, "SOURCE_CHANGED");
});

test("only strong validators are sent as preconditions", async () => {
  const cases = [
    [{}, ETAG, undefined],
    [{ etag: 'W/"5"', lastModified: null }, undefined, undefined],
    [{ etag: null }, undefined, DATE],
    [{ etag: 'W/"5"' }, undefined, DATE],
    [{ etag: null, lastModified: null }, undefined, undefined],
  ] as const;
  for (const [rule, match, since] of cases) {
    const path = await blobs.add(rule);
    await using source = await open(path);
    assert.equal(await source.read(5000, 1000), blobs.bytes(5000, 1000));
    const { headers } = (await origin.requests(path))[1] ?? {};
    assert.is(headers?.["if-match"], match);
    assert.is(headers?.["if-unmodified-since"], since);
  }
});

test("a 412 for the version that the server has is settled, and then not provoked", async () => {
  const path = await blobs.add({ only: { header: "if-match" }, status: 412 });
  await using source = await open(path);
  const spent = new Spent();
  const bytes = await source.read(5000, 1000, { meter: spent });
  assert.equal(bytes, blobs.bytes(5000, 1000));
  assert.is(spent.requests, 2);

  assert.equal(await source.read(6000, 1000), blobs.bytes(6000, 1000));
  const seen = await origin.requests(path);
  assert.equal(
    seen.map(({ headers }) => headers["if-match"]),
    [undefined, ETAG, undefined, undefined],
  );
});

test("a 412 because of a change is settled by one more request, each time", async () => {
  const path = await blobs.add({ skip: 1, version: 1 });
  await using source = await open(path);
  assert.is((await failureOf(source.read(5000, 1000))).code, "SOURCE_CHANGED");
  assert.is((await origin.counts(path)).requests, 3);
  assert.is((await failureOf(source.read(5000, 1000))).code, "SOURCE_CHANGED");
  assert.is((await origin.requests(path))[3]?.headers["if-match"], ETAG);
});

test("a change in the middle of a copy never mixes bytes", async () => {
  const path = await blobs.add({ skip: 3, version: 1 });
  await using source = await open(path);
  const read: Uint8Array[] = [];
  let error: unknown;
  for (let offset = 0; offset < SIZE && error === undefined; offset += 50_000) {
    const part = source.read(offset, Math.min(50_000, SIZE - offset));
    await part.then((bytes) => read.push(bytes)).catch((thrown) => (error = thrown));
  }
  assert.is((error as { code?: string }).code, "SOURCE_CHANGED");
  const bytes = new Uint8Array(Buffer.concat(read));
  assert.is(bytes.length, 100_000);
  assert.equal(bytes, blobs.bytes(0, 100_000));
});

test("a known source is checked by its first answer, whatever its validator", async () => {
  for (const rule of [{}, { etag: null }, { etag: 'W/"5"' }] satisfies Rule[]) {
    await using same = await reopen(await blobs.add(rule));
    assert.equal(await same.read(5000, 1000), blobs.bytes(5000, 1000));

    const changes = rule.etag === 'W/"5"' ? { etag: 'W/"6"' } : {};
    await using other = await reopen(await blobs.add(rule, { skip: 1, version: 1, ...changes }));
    assert.is((await failureOf(other.read(5000, 1000))).code, "SOURCE_CHANGED");
  }
});

test("a source without validators is gone on with only where that is allowed", async () => {
  const rule = { etag: null, lastModified: null };
  const error = await failureOf(reopen(await blobs.add(rule)));
  assert.is(error.code, "SOURCE_CHANGED");
  assert.match(error.message, "allowUnvalidated");

  await using source = await reopen(await blobs.add(rule), { allowUnvalidated: true });
  assert.equal(await source.read(5000, 1000), blobs.bytes(5000, 1000));
});

test("an identity that is of something else is refused", async () => {
  const opener = http(blobs.url("/blob"));
  const name = origin.url("/blob");
  const codeFor = async (identity: string): Promise<string> =>
    (await failureOf(opener.open({ known: { size: 9, identity } }))).code;
  assert.is(await codeFor("file:/x"), "CORRUPT");
  assert.is(await codeFor(`${name} etag="1" size=10`), "CORRUPT");
  assert.is(await codeFor(`${name}2 etag="1" size=9`), "SOURCE_CHANGED");
});

test("an opener recognizes its own URL, whatever the query and the credentials", () => {
  const opener = http("https://user:word@example.org/a%20b?signature=1#part");
  assert.is(opener.recognizes('https://example.org/a%20b etag="1" size=9'), true);
  assert.is(opener.recognizes('https://example.org/a etag="1" size=9'), false);
  assert.is(opener.recognizes('http://example.org/a%20b etag="1" size=9'), false);
  assert.is(opener.recognizes("something else"), false);
});

test.run();
