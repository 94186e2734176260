import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HttpOptions, http } from "../adapters/http/index.ts";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { type SeveralOptions, several } from "../adapters/several/index.ts";
import { patternBytes, sourceConformance } from "../adapters/testing/index.ts";
import type { SourceDevice, SourceOpener } from "../lib/index.ts";
import { Blobs } from "./origin/blobs.ts";
import { type Rule, startOrigin } from "./origin/client.ts";
import { failureOf, Spent } from "./origin/spent.ts";

const SIZE = 3_000_001;
const HEAD = 1000;
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE);

const conformance = suite("several sources");
let conforming = 0;
sourceConformance(conformance, {
  open: async (size) => {
    conforming += 1;
    const path = `/several-${conforming}`;
    const url = origin.url(`${path}?size=${size}&seed=7`);
    const gone = http(origin.url(`${path}-gone?size=${size}`), { head: HEAD });
    await origin.set(`${path}-gone`, { status: 404 });
    return {
      device: await several([gone, http(url, { head: HEAD })]).open(),
      bytes: origin.bytes(7, 0, size),
      hold: async () => {
        await origin.set(path, { latencyMs: 300 });
        return () => void origin.set(path);
      },
      release: () => origin.set(path),
    };
  },
});
conformance.run();

const test = suite("one of several sources");
test.after(() => origin.close());

const HTTP: HttpOptions = { head: HEAD };

/** Opens one blob at as many places as there are rules. */
async function open(
  rules: readonly Rule[],
  options: SeveralOptions = {},
): Promise<{ source: SourceDevice; paths: readonly string[]; requests(): Promise<number[]> }> {
  const paths: string[] = [];
  for (const rule of rules) paths.push(await blobs.add(rule));
  const members = paths.map((path) => http(blobs.url(path), HTTP));
  const source = await several(members, { restMs: 60_000, ...options }).open();
  const requests = async (): Promise<number[]> => {
    const counts = await Promise.all(paths.map((path) => origin.counts(path)));
    return counts.map((count) => count.requests);
  };
  return { source, paths, requests };
}

test("the first is asked, and the others are not opened", async () => {
  const { source, requests } = await open([{}, {}]);
  await using _ = source;
  assert.is(source.size, SIZE);
  assert.equal(source.opened, { offset: 0, length: HEAD });
  assert.equal(await source.read(0, HEAD), blobs.bytes(0, HEAD));
  assert.equal(await source.read(5000, 100), blobs.bytes(5000, 100));
  assert.equal(await requests(), [2, 0]);
});

for (const how of ["reset", "end"] as const) {
  test(`an answer that breaks off (${how}) goes on from the next, from where it broke`, async () => {
    const broken: Rule = { skip: 1, cut: { after: 100_000, how } };
    const { source, requests } = await open([broken, {}]);
    await using _ = source;
    const spent = new Spent();
    const bytes = await source.read(2000, 1_000_000, { meter: spent });
    assert.equal(bytes, blobs.bytes(2000, 1_000_000));
    assert.ok(spent.received <= 1_000_000 + HEAD, "no byte twice, but for opening the second");
    // The first is left alone meanwhile.
    assert.equal(await source.read(5, 7), blobs.bytes(5, 7));
    assert.equal(await requests(), [2, 3]);
  });
}

test("one that rests is asked again when no other works", async () => {
  const { source } = await open([
    { skip: 1, times: 1, status: 503 },
    { skip: 1, status: 404 },
  ]);
  await using _ = source;
  assert.is((await failureOf(source.read(2000, 100))).retryable, true);
  assert.equal(await source.read(2000, 100), blobs.bytes(2000, 100));
});

test("one with other bytes is never asked again", async () => {
  const { source, requests } = await open([{ skip: 2, status: 404 }, { version: 1 }, {}], {
    restMs: 0,
  });
  await using _ = source;
  await source.read(2000, 100);
  assert.equal(await source.read(3000, 100), blobs.bytes(3000, 100));
  const asked = (await requests())[1];
  assert.is(asked, 1, "it was opened");
  assert.equal(await source.read(4000, 100), blobs.bytes(4000, 100));
  assert.is((await requests())[1], asked);
});

test("when each has other bytes by now, the source has changed", async () => {
  const { source } = await open([
    { skip: 1, version: 1 },
    { skip: 0, version: 2 },
  ]);
  await using _ = source;
  assert.is((await failureOf(source.read(2000, 100))).code, "SOURCE_CHANGED");
  assert.is((await failureOf(source.read(2000, 100))).code, "SOURCE_CHANGED");
});

test("none can be opened: the last failure", async () => {
  const failure = await failureOf(open([{ status: 503 }, { status: 404 }]));
  assert.is(failure.code, "SOURCE_NOT_FOUND");
});

test("without a strong ETag they are one blob only by their size, if that is enough", async () => {
  const weak: Rule = { etag: 'W/"x"' };
  assert.is((await failureOf(open([weak]))).code, "SOURCE_FAILED");
  const rules = [{ ...weak, skip: 0 }, { etag: null }];
  const { source, paths } = await open(rules, { same: "size" });
  await using _ = source;
  assert.is(source.strongIdentity, false);
  assert.is(source.identity, `several size=${SIZE}`);
  await origin.set(paths[0] ?? "", { status: 404 });
  assert.equal(await source.read(2000, 100), blobs.bytes(2000, 100));
});

test("what was opened is closed when none of them will do", async () => {
  let closed = 0;
  class Weak extends MemoryDevice {
    override async close(): Promise<void> {
      closed += 1;
      await super.close();
    }
  }
  const opener: SourceOpener = {
    open: async () => new Weak(10, { identity: "http://example.org/x unvalidated size=10" }),
    recognizes: () => false,
  };
  assert.is((await failureOf(several([opener, opener]).open())).code, "SOURCE_FAILED");
  assert.is(closed, 2);
});

test("the fastest serves when they are measured", async () => {
  const { source, requests } = await open([{ latencyMs: 150 }, {}, { latencyMs: 150 }], {
    order: "measured",
  });
  await using _ = source;
  const background = { class: "background" } as const;
  for (let round = 0; round < 3; round += 1) await source.read(2000, 1000, background);
  const before = await requests();
  for (let round = 0; round < 20; round += 1) {
    assert.equal(await source.read(9000 * round, 1000), blobs.bytes(9000 * round, 1000));
  }
  const [first = 0, second = 0, third = 0] = (await requests()).map(
    (count, index) => count - (before[index] ?? 0),
  );
  assert.ok(second >= 18, `${first}, ${second} and ${third} requests`);
});

test("devices are members too, and stay open", async () => {
  const bytes = patternBytes(10_000);
  const one = new MemoryDevice(bytes.slice(), { identity: "same" });
  const other = new MemoryDevice(bytes.slice(), { identity: "same" });
  const source = await several([one, other]).open();
  await one.close();
  assert.equal(await source.read(100, 1000), bytes.subarray(100, 1100));
  await source.close();
  assert.equal(await other.read(0, 10), bytes.subarray(0, 10));
});

test("a copy is whole though its first source dies, and goes on without asking again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-several-"));
  try {
    const path = join(folder, "blob");
    const paths = [await blobs.add({ skip: 2, silence: "reset" }), await blobs.add()];
    const make = () => several(paths.map((place) => http(blobs.url(place), HTTP)));
    const first = await hydrate(make(), path, { regionSize: 65_536, noHydration: true });
    await first.hydrate({ ranges: [{ offset: 0, length: 2 ** 20 }] });
    await first.close();
    await origin.reset();
    const again = await hydrate(make(), path, { noHydration: true });
    assert.equal((await origin.counts()).requests, 0);
    await again.hydrate();
    await again.hydrated();
    await again.close();
    assert.equal(new Uint8Array(await readFile(path)), blobs.bytes(0, SIZE));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("what cannot be is refused", () => {
  assert.throws(() => several([]), /at least one/);
  const order = "random" as "given";
  assert.throws(() => several([http("http://a/")], { order }), /random/);
  assert.throws(() => several([http("http://a/")], { restMs: -1 }), RangeError);
});

test.run();
