import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { S3Objects, type S3Options, s3 } from "../adapters/s3/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { failure } from "./rejection.ts";
import { Bucket } from "./s3/bucket.ts";
import { startRgw } from "./s3/rgw.ts";

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
const rgw = await startRgw();
const test = suite("S3 in Ceph");
if (rgw === undefined) test("is skipped", () => {});
else {
  const bucket = await new Bucket(rgw, "blobs").create();
  const options: S3Options = { endpoint: rgw.endpoint, credentials: rgw.credentials };

  test.after(() => rgw.stop());

  test("of many that put an object at once where there is none, one succeeds", async () => {
    await using objects = new S3Objects("s3://blobs/raced/", options);
    const contents = Array.from({ length: 8 }, (_, index) => patternBytes(1000 + index));
    const puts = contents.map((bytes) => objects.put("a", bytes, { ifAbsent: true }));
    const results = await Promise.allSettled(puts);
    const winners = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
    assert.is(winners.length, 1);
    const { objects: listed } = await objects.list("", "");
    assert.equal(
      listed.map(({ key, size }) => ({ key, size })),
      [{ key: "a", size: 1000 + (winners[0] ?? 0) }],
    );
    const error = await failure(objects.put("a", patternBytes(1), { ifAbsent: true }));
    assert.is(error.code, "EXISTS");
    await objects.put("a", patternBytes(1));
  });

  for (const transport of ["http", "sdk"] as const) {
    test(`${transport}: an object is read, and noticed when it is replaced`, async () => {
      const bytes = patternBytes(300_001);
      await bucket.put("blob", bytes);
      await using source = await s3("s3://blobs/blob", { ...options, transport }).open();
      assert.equal(await source.read(0, bytes.length), bytes);
      assert.equal(await source.read(200_000, 10), bytes.subarray(200_000, 200_010));
      await bucket.put(
        "blob",
        bytes.map((byte) => byte ^ 1),
      );
      assert.is((await failure(source.read(0, 10))).code, "SOURCE_CHANGED");
    });

    test(`${transport}: a version is read on when another has taken its place`, async () => {
      const Bucket = "versions";
      await bucket.client.send(new CreateBucketCommand({ Bucket }));
      const VersioningConfiguration = { Status: "Enabled" as const };
      await bucket.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      const bytes = patternBytes(300_001);
      const put = (Body: Uint8Array) =>
        bucket.client.send(new PutObjectCommand({ Bucket, Key: "blob", Body }));
      const { VersionId: versionId = "" } = await put(bytes);
      const object = s3("s3://versions/blob", { ...options, transport, versionId });
      await using source = await object.open();
      await put(bytes.subarray(1));
      assert.equal(await source.read(0, bytes.length), bytes);
      assert.match(source.identity, `s3://versions/blob?versionId=${versionId} etag=`);
      const wrong = { ...options, transport, versionId: "no-such-version" };
      await failure(s3("s3://versions/blob", wrong).open());
    });

    test(`${transport}: what is encrypted with a key of one's own is read with it`, async () => {
      const customerKey = new Uint8Array(32).fill(7);
      const mine = { ...options, customerKey };
      const bytes = patternBytes(300_001);
      await using objects = new S3Objects("s3://blobs", mine);
      await objects.put("secret", bytes);
      await using source = await s3("s3://blobs/secret", { ...mine, transport }).open();
      assert.equal(await source.read(0, bytes.length), bytes);
      const error = await failure(s3("s3://blobs/secret", { ...options, transport }).open());
      assert.equal([error.code, error.retryable], ["SOURCE_FAILED", false]);
    });

    test(`${transport}: what is not there is said by its name`, async () => {
      const open = (url: string) => failure(s3(url, { ...options, transport }).open());
      assert.match((await open("s3://blobs/nothing")).message, "NoSuchKey");
      assert.match((await open("s3://nothing/x")).message, "NoSuchBucket");
    });
  }
}
test.run();
