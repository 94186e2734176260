import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { s3, verifyByChecksum } from "../adapters/s3/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { makeFolder, runCommand } from "./cli-command.ts";
import { failure } from "./rejection.ts";
import { startProxiedBucket } from "./s3/proxied-bucket.ts";

const started = await startProxiedBucket("blobs");
const test = suite("checksums of S3");
if (started === undefined) test("is skipped", () => {});
else {
  const { path: folder, remove } = makeFolder();
  const { server, bucket, proxy, direct, options } = started;
  let files = 0;

  test.before.each(started.begin);
  test.after(async () => {
    await started.stop();
    remove();
  });

  const fileOf = (bytes: Uint8Array): string => {
    files += 1;
    const path = join(folder, `file ${files}`);
    writeFileSync(path, bytes);
    return path;
  };

  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

  /** The header with which the SDK would put this with a checksum: Amazon's own reckoning. */
  const headersOf = async (
    bytes: Uint8Array,
    ChecksumAlgorithm: "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256",
  ): Promise<Record<string, string>> => {
    const client = new S3Client({
      ...direct,
      endpoint: proxy.url,
      region: "x",
      forcePathStyle: true,
    });
    proxy.answer = () => ({ status: 200 });
    const input = { Bucket: "blobs", Key: "x", Body: bytes, ChecksumAlgorithm };
    await client.send(new PutObjectCommand(input));
    client.destroy();
    const headers = proxy.requests.at(-1)?.headers ?? {};
    const name = `x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`;
    return { [name]: String(headers[name]) };
  };

  test("a file is compared with each checksum of the whole that S3 may keep", async () => {
    for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
      for (const size of [0, 9, 300_001]) {
        const bytes = patternBytes(size);
        const checksum = await headersOf(bytes, algorithm);
        proxy.requests.length = 0;
        const head = { "content-length": `${size}`, etag: '"1"', ...checksum };
        proxy.answer = () => ({ status: 200, headers: head, body: new Uint8Array() });
        const right = await verifyByChecksum(fileOf(bytes), "s3://blobs/x", options);
        assert.is(right.algorithm, algorithm.toLowerCase());
        assert.is(right.identity, `s3://blobs/x etag="1" size=${size}`);
        assert.equal(right.ranges, []);
        assert.is(proxy.requests.length, 1);
        assert.is(proxy.requests[0]?.headers["x-amz-checksum-mode"], "ENABLED");
        if (size === 0) continue;
        const wrong = fileOf(flipped(bytes, size - 1));
        const { ranges } = await verifyByChecksum(wrong, "s3://blobs/x", options);
        assert.equal(ranges, [{ offset: 0, length: size }]);
      }
    }
  });

  test("where only parts have checksums, those that differ are named", async () => {
    const bytes = patternBytes(2500);
    const cuts = [0, 1000, 2000, 2500];
    const values: string[] = [];
    for (const [index, cut] of cuts.slice(1).entries()) {
      const headers = await headersOf(bytes.subarray(cuts[index], cut), "CRC32C");
      values.push(Object.values(headers)[0] ?? "");
    }
    const partXml = (number: number): string =>
      `<Part><PartNumber>${number}</PartNumber><ChecksumCRC32C>${values[number - 1]}</ChecksumCRC32C>` +
      `<Size>${(cuts[number] ?? 0) - (cuts[number - 1] ?? 0)}</Size></Part>`;
    const page = (more: boolean, ...numbers: number[]): Uint8Array =>
      Buffer.from(
        `<GetObjectAttributesResponse><ObjectParts><IsTruncated>${more}</IsTruncated>` +
          `<NextPartNumberMarker>${numbers.at(-1)}</NextPartNumberMarker>` +
          `${numbers.map(partXml).join("")}</ObjectParts></GetObjectAttributesResponse>`,
      );
    proxy.answer = ({ method, headers }) => {
      if (method !== "HEAD") {
        const isFirst = headers["x-amz-part-number-marker"] === "0";
        return { status: 200, body: isFirst ? page(true, 1, 2) : page(false, 3) };
      }
      const checksum = {
        "x-amz-checksum-crc32c": "AAAAAA==-3",
        "x-amz-checksum-type": "COMPOSITE",
      };
      const head = { "content-length": "2500", etag: '"1-3"', ...checksum };
      return { status: 200, headers: head, body: new Uint8Array() };
    };
    const right = await verifyByChecksum(fileOf(bytes), "s3://blobs/x", options);
    assert.equal([right.algorithm, right.ranges], ["crc32c", []]);
    const wrong = fileOf(flipped(bytes, 1500));
    const { ranges } = await verifyByChecksum(wrong, "s3://blobs/x", options);
    assert.equal(ranges, [{ offset: 1000, length: 1000 }]);
  });

  test("an ETag that fits is as good, also of an upload in parts", async () => {
    const bytes = patternBytes(11 * 2 ** 20);
    const client = bucket.client;
    const target = { Bucket: "blobs", Key: "in parts" };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const PartNumber of [1, 2, 3]) {
      const Body = bytes.subarray((PartNumber - 1) * 5 * 2 ** 20, PartNumber * 5 * 2 ** 20);
      const part = new UploadPartCommand({ ...target, UploadId, PartNumber, Body });
      const { ETag } = await client.send(part);
      Parts.push({ PartNumber, ETag });
    }
    const upload = { ...target, UploadId, MultipartUpload: { Parts } };
    await client.send(new CompleteMultipartUploadCommand(upload));
    await using source = await s3("s3://blobs/in parts", direct).open();
    assert.match(source.identity, /etag="[0-9a-f]{32}-3"/);
    await failure(verifyByChecksum(fileOf(bytes), "s3://blobs/in parts", options)); // it tells no part
    proxy.requests.length = 0;
    const part = { "content-length": `${5 * 2 ** 20}` };
    proxy.answer = ({ url }) =>
      url.includes("partNumber=1")
        ? { status: 206, headers: part, body: new Uint8Array() }
        : undefined;
    const right = await verifyByChecksum(fileOf(bytes), "s3://blobs/in parts", options);
    assert.equal([right.identity, right.ranges], [source.identity, []]);
    assert.is(proxy.requests.length, 2);

    await bucket.put("whole", bytes.subarray(0, 1000));
    const whole = fileOf(bytes.subarray(0, 1000));
    const verdict = await verifyByChecksum(whole, "s3://blobs/whole", options);
    assert.equal([verdict.algorithm, verdict.ranges], ["md5", []]);
  });

  test("what cannot be known is not said", async () => {
    const bytes = patternBytes(1000);
    await bucket.put("blob", bytes);
    const wrong = fileOf(flipped(bytes, 0));
    const error = await failure(verifyByChecksum(wrong, "s3://blobs/blob", options));
    assert.is(error.code, "SOURCE_FAILED");
    assert.match(error.message, /no checksum.*ETag does not fit the file, or is no MD5/);
    const longer = await verifyByChecksum(fileOf(patternBytes(1001)), "s3://blobs/blob", options);
    assert.equal([longer.size, longer.fileSize, longer.ranges], [1000, 1001, []]);
    const missing = await failure(verifyByChecksum(wrong, "s3://blobs/nothing", options));
    assert.is(missing.code, "SOURCE_NOT_FOUND");
  });

  test("the command compares a copy without its source being read", async () => {
    const bytes = patternBytes(300_001);
    await bucket.put("copied", bytes);
    const file = join(folder, "copied");
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: proxy.url,
    });
    const run = (...args: string[]) => runCommand(args, { cwd: folder });
    assert.is((await run("s3://blobs/copied", file, "--quiet")).code, 0);
    proxy.requests.length = 0;
    const { code, stdout, stderr } = await run("verify", "s3://blobs/copied", file, "--checksum");
    assert.is(code, 0, stderr);
    assert.match(stdout.toString(), "is as the checksum of its source says (md5)");
    assert.equal(
      proxy.requests.map(({ method }) => method),
      ["HEAD"],
    );
    await bucket.put("copied", bytes.subarray(1));
    const changed = await run("verify", "s3://blobs/copied", file, "--checksum");
    assert.is(changed.code, 4);
    const other = await run("verify", "http://127.0.0.1:1/x", file, "--checksum");
    assert.match(other.stderr, "--checksum is for s3: URLs");
    assert.is(other.code, 2);
  });
}
test.run();
