import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { Blobs } from "./origin/blobs.ts";
import { startOrigin } from "./origin/client.ts";
import { Spent } from "./origin/spent.ts";

const test = suite("http source");

const SIZE = 1_000_003;
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE);

test.after(() => origin.close());

test("opening and reading the beginning is one request", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path);
  assert.is(source.size, SIZE);
  assert.equal(source.opened, { offset: 0, length: 131_072 });

  const spent = new Spent();
  assert.equal(await source.read(0, 131_072, { meter: spent }), blobs.bytes(0, 131_072));
  assert.equal(await origin.counts(path), { requests: 1, bytes: 131_072 });
  assert.equal(spent, Object.assign(new Spent(), { requests: 1, received: 131_072 }));
});

test("what opening brought is taken once; the same range is then a request", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path, { head: 1000 });
  await source.read(0, 1000);
  assert.equal(await source.read(0, 1000), blobs.bytes(0, 1000));
  assert.is((await origin.counts(path)).requests, 2);
});

test("any part is read, on an ArrayBuffer of its own, and metered as it arrives", async () => {
  await using source = await blobs.open(await blobs.add());
  for (const [offset, length] of [
    [0, 1],
    [SIZE - 1, 1],
    [65_535, 131_074],
    [0, SIZE],
  ] as const) {
    const spent = new Spent();
    const bytes = await source.read(offset, length, { class: "background", meter: spent });
    assert.equal(bytes, blobs.bytes(offset, length));
    assert.is(bytes.buffer.byteLength, length);
    assert.is(spent.requests, 1);
    assert.is(spent.received, length);
  }
});

test("opening can bring the end instead", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path, { tail: 5000 });
  assert.equal(source.opened, { offset: SIZE - 5000, length: 5000 });
  assert.equal(await source.read(SIZE - 5000, 5000), blobs.bytes(SIZE - 5000, 5000));
  assert.is((await origin.counts(path)).requests, 1);
});

test("a blob shorter than what opening asks for is whole with it", async () => {
  for (const options of [{ head: 4096 }, { tail: 4096 }]) {
    const path = await blobs.add();
    await using source = await http(blobs.url(path, 10), options).open();
    assert.is(source.size, 10);
    assert.equal(source.opened, { offset: 0, length: 10 });
    assert.equal(await source.read(0, 10), blobs.bytes(0, 10));
    assert.is((await origin.counts(path)).requests, 1);
  }
});

test("an empty blob is one of size 0, however the server says so", async () => {
  const cases = [
    { rule: {}, requests: 1 }, // 416 with the size
    { rule: { ignoreRange: true }, requests: 1 }, // 200 with nothing
    { rule: { status: 416, times: 1 }, requests: 2 }, // 416 that does not say the size
  ];
  for (const { rule, requests } of cases) {
    for (const options of [{}, { tail: 100 }]) {
      const path = await blobs.add();
      await origin.set(path, rule);
      await using source = await http(blobs.url(path, 0), options).open();
      assert.is(source.size, 0);
      assert.is(source.opened, undefined);
      assert.is((await source.read(0, 0)).length, 0);
      assert.is((await origin.counts(path)).requests, requests);
    }
  }
});

test("a known source is opened without a request; the first asks for its version", async () => {
  const path = await blobs.add();
  const opener = http(blobs.url(path));
  const first = await opener.open();
  await first.close();
  await origin.reset();

  await using source = await opener.open({ known: { size: SIZE, identity: first.identity } });
  assert.is(source.identity, first.identity);
  assert.is(source.opened, undefined);
  assert.is((await origin.counts(path)).requests, 0);
  assert.equal(await source.read(10, 20), blobs.bytes(10, 20));
  assert.is((await origin.requests(path))[0]?.headers["if-match"], `"${blobs.seed}-${SIZE}-0"`);
});

test("every request asks for identity encoding; the opening one has no condition", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path);
  await source.read(1, 1);
  const [first, second] = await origin.requests(path);
  assert.is(first?.headers["accept-encoding"], "identity");
  assert.is(first?.headers["if-match"], undefined);
  assert.is(second?.headers["accept-encoding"], "identity");
});

test("a range outside the blob is the caller's mistake; no bytes cost nothing", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path);
  assert.throws(() => source.stream?.(SIZE - 1, 2), /RangeError|not inside/);
  assert.throws(() => source.stream?.(-1, 2), /not inside/);
  assert.throws(() => source.stream?.(0.5, 2), /not inside/);
  assert.is((await source.read(SIZE, 0)).length, 0);
  assert.is((await origin.counts(path)).requests, 1);
});

test.run();
