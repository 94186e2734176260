import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LtxSource, litestream, replicaOrigin } from "../adapters/ltx/index.ts";
import { S3Objects } from "../adapters/s3/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { Spent } from "./origin/spent.ts";
import { failure, rejection } from "./rejection.ts";
import { startProxiedBucket } from "./s3/proxied-bucket.ts";

/** `S3_KEYS=10000 npm test -- s3-objects` for as many keys as that. */
const KEYS = Number(process.env.S3_KEYS ?? 25);
const LISTING_SIZE = KEYS < 1000 ? 10 : 1000;

const started = await startProxiedBucket("shelf");
const test = suite("objects and replicas in S3");
if (started === undefined) test("is skipped", () => {});
else {
  const { server, bucket, proxy, options } = started;

  test.before.each(started.begin);
  test.after(started.stop);

  test(`a bucket with ${KEYS} keys is listed in pages`, async () => {
    const keys = Array.from({ length: KEYS }, (_, index) => `${String(index).padStart(8, "0")} ü`);
    const queue = keys.values();
    const worker = async (): Promise<void> => {
      for (const key of queue) await bucket.put(`many/keys/${key}`, patternBytes(3));
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await bucket.put("many/others", patternBytes(3));
    await using objects = new S3Objects("s3://shelf/many", {
      ...options,
      listingSize: LISTING_SIZE,
    });
    const spent = new Spent();
    const found: string[] = [];
    for (let after: string | undefined = ""; after !== undefined; ) {
      const listing = await objects.list("keys/", after, { meter: spent });
      for (const { key, size, modifiedMs = 0 } of listing.objects) {
        found.push(key);
        assert.is(size, 3);
        assert.ok(Math.abs(Date.now() - modifiedMs) < 3_600_000);
      }
      after = listing.next;
    }
    assert.equal(
      found,
      keys.map((key) => `keys/${key}`),
    );
    assert.is(spent.requests, Math.ceil(KEYS / LISTING_SIZE));
    assert.is(proxy.requests.length, spent.requests);
    assert.equal(await objects.list("keys/9", ""), { objects: [], next: undefined });
  });

  test("objects are put, listed and read in parts", async () => {
    await using objects = new S3Objects("s3://shelf/some/where/", options);
    assert.is(objects.name, "s3://shelf/some/where");
    const bytes = patternBytes(10_000);
    await objects.put("one +/object", bytes);
    const { objects: listed } = await objects.list("", "");
    const [object] = listed;
    if (object === undefined) throw new Error("it is not listed");
    assert.is(object.key, "one +/object");
    const spent = new Spent();
    const pieces: Uint8Array[] = [];
    for await (const piece of objects.stream(object, 5000, 100, { meter: spent })) {
      pieces.push(piece.slice());
      objects.release([piece]);
    }
    assert.equal(new Uint8Array(Buffer.concat(pieces)), bytes.subarray(5000, 5100));
    assert.equal([spent.requests, spent.received], [1, 100]);
  });

  test("an object that is replaced, or goes, between two reads is noticed", async () => {
    await using objects = new S3Objects("s3://shelf/gone", options);
    await objects.put("a", patternBytes(1000));
    const [object] = (await objects.list("", "")).objects;
    if (object === undefined) throw new Error("it is not listed");
    const read = async (): Promise<void> => {
      for await (const piece of objects.stream(object, 0, 10)) objects.release([piece]);
    };
    await read();
    await objects.put("a", patternBytes(1000).reverse());
    assert.is((await failure(read())).code, "SOURCE_CHANGED");
    await bucket.remove("gone/a");
    assert.is((await failure(read())).code, "SOURCE_NOT_FOUND");
  });

  test("a store that cannot put on a condition says so, and does not put", async () => {
    await using objects = new S3Objects("s3://shelf/absent", options);
    const error = await failure(objects.put("a", patternBytes(10), { ifAbsent: true }));
    assert.equal([error.code, error.retryable], ["SOURCE_FAILED", false]);
    assert.match(error.message, "store cannot do that");
    assert.equal((await objects.list("", "")).objects, []);
  });

  test("closing ends what is under way, and everything after it", async () => {
    const objects = new S3Objects("s3://shelf", options);
    await objects.list("", "");
    proxy.hold();
    const listing = rejection(objects.list("", ""));
    const ending = new AbortController();
    const other = rejection(objects.list("", "", { signal: ending.signal }));
    ending.abort(new Error("enough"));
    assert.is(((await other) as Error).message, "enough");
    await objects.close();
    await objects.close();
    assert.is((await failure(Promise.reject(await listing))).code, "CLOSED");
    assert.is((await failure(objects.list("", ""))).code, "CLOSED");
    assert.is((await failure(objects.put("a", patternBytes(1)))).code, "CLOSED");
    proxy.letGo();
  });

  for (const layout of ["s3", "ltx"] as const) {
    test(`a replica in the layout ${layout} is read, as from anywhere else`, async () => {
      const memory = new MemoryObjects();
      const place = `replicas/${layout}`;
      for (const { path, bytes } of fixtureFiles("small-levels")) {
        const key = path.slice("small-levels/".length);
        memory.objects.set(key, bytes);
        const inS3 = key.replace(/^ltx\/(\d)/, (_, level) => `000${level}`);
        await bucket.put(`${place}/${layout === "s3" ? inS3 : key}`, bytes);
      }
      await using expected = await litestream(memory).open();
      await using source = await litestream(`s3://shelf/${place}/`, { s3: options }).open();
      assert.instance(source, LtxSource);
      assert.is(source.identity, `s3://shelf/${place} txid=0000000000000008`);
      const { size } = expected;
      assert.equal(await source.read(0, size), await expected.read(0, size));
      const earlier = { s3: options, at: 3n };
      await using three = await litestream(`s3://shelf/${place}`, earlier).open();
      await using threeExpected = await litestream(memory, { at: 3n }).open();
      const wanted = await threeExpected.read(0, threeExpected.size);
      assert.equal(await three.read(0, three.size), wanted);
    });
  }

  test("the URL may be one that Litestream itself is given", async () => {
    const { credentials } = server;
    const query = `endpoint=${encodeURIComponent(proxy.url)}&region=us-east-1&forcePathStyle=true`;
    const url = `s3://shelf/a place?${query}`;
    const origin = replicaOrigin(url, { s3: { credentials } });
    await using store = await origin.store();
    assert.is(origin.name, "s3://shelf/a%20place");
    assert.is(store.name, origin.name);
    assert.equal((await store.list("0000/", "")).objects, []);
    assert.is(proxy.requests.length, 1);
    assert.throws(() => litestream("s3://shelf/x?sign=1"), /and not sign/);
    const nowhere = await failure(litestream(url, { s3: { credentials } }).open());
    assert.is(nowhere.code, "SOURCE_NOT_FOUND");
  });
}
test.run();
