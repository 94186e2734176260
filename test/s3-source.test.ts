import { mock } from "node:test";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { s3 } from "../adapters/s3/index.ts";
import { patternBytes, sourceConformance } from "../adapters/testing/index.ts";
import { failure } from "./rejection.ts";
import type { SeenRequest } from "./s3/faulty-proxy.ts";
import { startProxiedBucket } from "./s3/proxied-bucket.ts";

const TRANSPORTS = ["http", "sdk"] as const;
const SIZE = 300_001;
const BYTES = patternBytes(SIZE);

const started = await startProxiedBucket("blobs");
const test = suite("S3 source");
if (started === undefined) test("is skipped", () => {});
else {
  const { server, bucket, proxy, direct, options } = started;
  const bySize = new Map<number, string>();
  let count = 0;

  /** A key that no other test uses, with what it holds. */
  const add = async (bytes: Uint8Array = BYTES): Promise<string> => {
    count += 1;
    const key = `folder/blob ${count}`;
    await bucket.put(key, bytes);
    return key;
  };
  const urlOf = (key: string): string => `s3://blobs/${key}`;

  test.before.each(started.begin);
  test.after(started.stop);

  for (const transport of TRANSPORTS) {
    const named = (name: string): string => `${transport}: ${name}`;
    const mine = { ...options, transport };

    sourceConformance((name, run) => test(named(name), run), {
      open: async (size) => {
        const bytes = patternBytes(size);
        const key = bySize.get(size) ?? (await add(bytes));
        bySize.set(size, key);
        return { bytes, device: await s3(urlOf(key), { ...direct, transport }).open() };
      },
    });

    test(
      named("opening is one GET with the beginning; all others are of its version"),
      async () => {
        const key = await add();
        await using source = await s3(urlOf(key), { ...mine, http: { head: 1000 } }).open();
        assert.equal(source.opened, { offset: 0, length: 1000 });
        assert.equal(await source.read(0, 1000), BYTES.subarray(0, 1000));
        assert.is(proxy.requests.length, 1);
        assert.equal(await source.read(5000, 100), BYTES.subarray(5000, 5100));
        assert.is(proxy.requests.length, 2);
        assert.match(proxy.requests[1]?.headers["if-match"] ?? "", /^"[0-9a-f]{32}"$/);
        const name = `s3://blobs/folder/${encodeURIComponent(key.slice(7))}`;
        assert.match(source.identity, new RegExp(`^${name} etag="[0-9a-f]{32}" size=${SIZE}$`));
        assert.ok(source.strongIdentity);
      },
    );

    test(named("opening can bring the end"), async () => {
      await using source = await s3(urlOf(await add()), { ...mine, http: { tail: 1000 } }).open();
      assert.equal(await source.read(SIZE - 1000, 1000), BYTES.subarray(SIZE - 1000));
      assert.is(proxy.requests.length, 1);
    });

    test(named("a key with every odd character is found"), async () => {
      const key = "+ %25?&=#;:@!$'()*,~[]\"<>{}|^`\\ü€/ //x.";
      await bucket.put(key, BYTES);
      await using source = await s3(urlOf(key), mine).open();
      assert.equal(await source.read(0, SIZE), BYTES);
      assert.not.match(source.identity.replace(/ etag=.*/, ""), /\s/);
      await using same = await s3({ bucket: "blobs", key }, mine).open();
      assert.is(same.identity, source.identity);
    });

    test(named("a store that refuses its own version is asked without"), async () => {
      proxy.answer = ({ headers }) =>
        headers["if-match"] === undefined ? undefined : { status: 412, code: "PreconditionFailed" };
      await using source = await s3(urlOf(await add()), mine).open();
      assert.equal(await source.read(5000, 100), BYTES.subarray(5000, 5100));
      assert.equal(await source.read(6000, 100), BYTES.subarray(6000, 6100));
      assert.is(proxy.requests.length, 4);
    });

    test(named("an object that is replaced is another source"), async () => {
      const key = await add();
      await using source = await s3(urlOf(key), mine).open();
      await bucket.put(
        key,
        BYTES.map((byte) => byte ^ 1),
      );
      const error = await failure(source.read(200_000, 1000));
      assert.is(error.code, "SOURCE_CHANGED");
    });

    test(named("what is known is opened without a request, and by either transport"), async () => {
      const key = await add();
      await using first = await s3(urlOf(key), options).open();
      const { size, identity } = first;
      proxy.requests.length = 0;
      const opener = s3(urlOf(key), mine);
      assert.ok(opener.recognizes(identity));
      assert.not(s3(`${urlOf(key)}x`, mine).recognizes(identity));
      assert.not(opener.recognizes("something else"));
      await using again = await opener.open({ known: { size, identity } });
      assert.is(proxy.requests.length, 0);
      assert.equal(await again.read(0, 100), BYTES.subarray(0, 100));
      await bucket.put(key, BYTES.subarray(1));
      assert.is((await failure(again.read(0, 100))).code, "SOURCE_CHANGED");
    });

    test(named("a payer agrees, and a key of one's own is sent and stands in no URL"), async () => {
      const key = await add();
      const customerKey = new Uint8Array(32).fill(7);
      await (await s3(urlOf(key), { ...mine, requesterPays: true }).open()).close();
      const [paid] = proxy.requests;
      const payer = new URL(proxy.url + paid?.url).searchParams.get("x-amz-request-payer");
      assert.is(payer ?? paid?.headers["x-amz-request-payer"], "requester");

      proxy.answer = () => ({ status: 200, headers: { etag: '"1"' }, body: BYTES.subarray(0, 9) });
      await (await s3(urlOf(key), { ...mine, customerKey }).open()).close();
      const { url = "", headers = {} } = proxy.requests[1] ?? ({} as Partial<SeenRequest>);
      const text = Buffer.from(customerKey).toString("base64");
      assert.is(headers["x-amz-server-side-encryption-customer-key"], text);
      assert.is(headers["x-amz-server-side-encryption-customer-algorithm"], "AES256");
      assert.not.match(decodeURIComponent(url), text);
      assert.not.match(url, /customer-key=/);
    });

    test(named("what is not there, or not allowed, is said by its name"), async () => {
      const missing = await failure(s3(urlOf("nothing"), mine).open());
      assert.is(missing.code, "SOURCE_NOT_FOUND");
      assert.match(missing.message, /^s3:\/\/blobs\/nothing answered 404.*NoSuchKey.*no object/);
      const nowhere = await failure(s3("s3://no-bucket/x", mine).open());
      assert.is(nowhere.code, "SOURCE_NOT_FOUND");
      assert.match(nowhere.message, /NoSuchBucket.*no bucket of this name/);
      const secretAccessKey = "wrong, SECRET";
      const credentials = { ...server.credentials, secretAccessKey };
      const refused = await failure(s3(urlOf("x"), { ...mine, credentials }).open());
      assert.equal([refused.code, refused.retryable], ["SOURCE_FAILED", false]);
      assert.match(refused.message, /SignatureDoesNotMatch.*credentials are not right/);
      assert.not.match(refused.message, /SECRET|X-Amz/);
    });

    test(named("another region is named, with what to set"), async () => {
      const headers = { "x-amz-bucket-region": "eu-west-1" };
      proxy.answer = () => ({ status: 301, code: "PermanentRedirect", headers });
      const error = await failure(s3(urlOf("x"), mine).open());
      assert.equal([error.code, error.retryable], ["SOURCE_FAILED", false]);
      assert.match(error.message, 'the bucket is in eu-west-1: set `region` to "eu-west-1"');
    });

    test(named("a store that is asked too often gets its rest, and all arrives"), async () => {
      let refused = 0;
      const bytes = patternBytes(3 * 2 ** 20);
      const key = await add(bytes);
      proxy.answer = ({ method }) => {
        if (method !== "GET" || proxy.requests.length % 2 === 1) return undefined;
        refused += 1;
        return { status: 503, code: "SlowDown", message: "Please reduce your request rate." };
      };
      const copy = new MemoryDevice(bytes.length);
      const clone = await hydrate(s3(urlOf(key), mine), copy, { hydrationBatchSize: 8 });
      try {
        await clone.hydrated();
        assert.equal(await clone.read(0, bytes.length), bytes);
      } finally {
        await clone.close();
      }
      assert.ok(refused > 0);
    });

    test(named("without credentials it says where they are looked for"), async () => {
      const error = await failure(
        s3(urlOf("x"), {
          ...mine,
          credentials: () =>
            Promise.reject(Object.assign(new Error("none"), { name: "CredentialsProviderError" })),
        }).open(),
      );
      assert.match(error.message, /without credentials \(none\): set AWS_ACCESS_KEY_ID/);
    });

    test(named("for a public bucket nothing is signed"), async () => {
      proxy.answer = () => ({ status: 200, headers: { etag: '"1"' }, body: BYTES.subarray(0, 9) });
      const { credentials: _, ...rest } = mine;
      await (await s3(urlOf("x"), { ...rest, anonymous: true }).open()).close();
      const [{ url = "", headers = {} } = {}] = proxy.requests;
      assert.not.match(url, /X-Amz/i);
      assert.is(headers.authorization, undefined);
    });
  }

  test("an expired signature is made anew, with fresh credentials", async () => {
    let given = 0;
    const credentials = async () => {
      given += 1;
      return server.credentials;
    };
    const key = await add();
    await using source = await s3(urlOf(key), { ...options, credentials }).open();
    const [{ url: first = "" } = {}] = proxy.requests;
    proxy.answer = ({ url }) =>
      proxy.requests.length === 2 && url === first
        ? { status: 403, code: "AccessDenied", message: "Request has expired" }
        : undefined;
    assert.equal(await source.read(5000, 100), BYTES.subarray(5000, 5100));
    assert.is(proxy.requests.length, 3);
    assert.is(given, 2);
  });

  test("a URL is used again, and signed anew before it expires", async () => {
    const key = await add();
    await using source = await s3(urlOf(key), options).open();
    await source.read(5000, 100);
    assert.is(proxy.requests[1]?.url, proxy.requests[0]?.url);
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 700_000 }); // of the 900 s
    try {
      assert.equal(await source.read(6000, 100), BYTES.subarray(6000, 6100));
    } finally {
      mock.timers.reset();
    }
    const dates = proxy.requests.map(({ url }) =>
      new URL(proxy.url + url).searchParams.get("X-Amz-Date"),
    );
    assert.is(dates[1], dates[0]);
    assert.not.equal(dates[2], dates[0]);
  });

  test("a URL lasts no longer than the credentials that signed it", async () => {
    let given = 0;
    const credentials = async () => {
      given += 1;
      return { ...server.credentials, expiration: new Date(Date.now() + 3_600_000 * given) };
    };
    const key = await add();
    const long = { ...options, credentials, signedForSeconds: 604_800 };
    await using source = await s3(urlOf(key), long).open();
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_500_000 });
    try {
      assert.equal(await source.read(6000, 100), BYTES.subarray(6000, 6100));
    } finally {
      mock.timers.reset();
    }
    assert.is(given, 2);
    assert.not.equal(proxy.requests[1]?.url, proxy.requests[0]?.url);
  });

  test("a client of the user's own is used, and left alone", async () => {
    const key = await add();
    await (await s3(urlOf(key), { client: bucket.client, transport: "sdk" }).open()).close();
    await using source = await s3(urlOf(key), { client: bucket.client }).open();
    assert.equal(await source.read(0, SIZE), BYTES);
  });

  test("keys that no URL can have are read by the SDK", async () => {
    const key = "a/../b";
    assert.throws(() => s3(urlOf(key), direct), /set transport to "sdk"/);
    await bucket.put(key, BYTES);
    await using source = await s3(urlOf(key), { ...direct, transport: "sdk" }).open();
    assert.equal(await source.read(0, SIZE), BYTES);
  });
}
test.run();
