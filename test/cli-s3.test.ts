import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { litestream } from "../adapters/ltx/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { type CommandResult, makeFolder, runCommand } from "./cli-command.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { Bucket } from "./s3/bucket.ts";
import { startFaultyProxy } from "./s3/faulty-proxy.ts";
import { startSwift } from "./s3/swift.ts";

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
const swift = await startSwift();
const test = suite("the command and S3");
const { path: cwd, remove } = makeFolder();
const BYTES = patternBytes(300_001);
const KEY = "a folder/big 100%? ü.bin";

const run = (...args: string[]): Promise<CommandResult> => runCommand(args, { cwd });

test("options that are for S3 are for nothing else, and the other way round", async () => {
  const wrong: readonly (readonly [args: readonly string[], says: string])[] = [
    [["info", "http://127.0.0.1:1/x", "--region", "x"], "--region is for s3: URLs"],
    [["info", "nbd://127.0.0.1:1/x", "--anonymous"], "--anonymous is for s3: URLs"],
    [["info", "s3://b/x", "-H", "a: b"], "--header is for http(s) URLs"],
    [["info", "s3://b/x", "--endpoint", "x"], "endpoint is not an HTTP URL"],
    [["s3://b/x", "--endpoint", "x"], "endpoint is not an HTTP URL"],
    [["info", "s3://b/a/../x"], 'no URL can have a key with the part "." or ".."'],
    [["info", "s3:///x"], "an S3 URL is written s3://bucket/key"],
    [["info", "s3://b"], "the S3 URL names a bucket and no object in it"],
    [["ltx", "info", "s3://b/x", "--index", "x"], "--index is for web servers; S3 can be listed"],
  ];
  for (const [args, says] of wrong) {
    const { code, stderr } = await run(...args);
    assert.match(stderr, says);
    assert.is(code, 2, args.join(" "));
  }
});

if (swift !== undefined) {
  const bucket = await new Bucket(swift, "shelf").create();
  await bucket.put(KEY, BYTES);
  for (const { path, bytes } of fixtureFiles("small")) {
    await bucket.put(path.replace("small/ltx/", "replica/000"), bytes);
  }
  const proxy = await startFaultyProxy(swift.endpoint);

  process.env.AWS_ACCESS_KEY_ID = swift.credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = swift.credentials.secretAccessKey;
  process.env.AWS_ENDPOINT_URL_S3 = swift.endpoint;
  process.env.AWS_REGION = "us-east-1";

  test.after(async () => {
    await proxy.close();
    await swift.stop();
    remove();
  });

  test("an object becomes a file of its name, by what the environment says", async () => {
    const { code, stderr } = await run(`s3://shelf/${KEY}`, "--quiet");
    assert.equal([code, stderr], [0, ""]);
    const file = join(cwd, "big 100%_ ü.bin");
    assert.equal(new Uint8Array(readFileSync(file)), BYTES);
    const verified = await run("verify", `s3://shelf/${KEY}`, file);
    assert.match(verified.stdout.toString(), "is the same as its source: 300,001 bytes");
    const read = await run(`s3://shelf/${KEY}`, "x", "--read", "1000:9", "--no-hydration");
    assert.equal(new Uint8Array(read.stdout), BYTES.subarray(1000, 1009));
    assert.not.ok(existsSync(join(cwd, "x")));
  });

  test("info says its size, at an endpoint and region that options name", async () => {
    const options = ["--endpoint", proxy.url, "--region", "us-east-1", "--path-style"];
    const { code, stdout, stderr } = await run("info", `s3://shelf/${KEY}`, ...options, "--json");
    assert.is(code, 0, stderr);
    const { size, identity } = JSON.parse(stdout.toString()) as { size: number; identity: string };
    assert.is(size, BYTES.length);
    assert.match(identity, /^s3:\/\/shelf\/a%20folder\/big%20100%25%3F%20%C3%BC\.bin etag="/);
    assert.is(proxy.requests.length, 1);
  });

  test("what S3 says is told in the words of the command line", async () => {
    const missing = await run("info", "s3://shelf/nothing");
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /s3:\/\/shelf\/nothing answered 404.*NoSuchKey.*no object/);
    const headers = { "x-amz-bucket-region": "eu-west-1" };
    proxy.answer = () => ({ status: 301, code: "PermanentRedirect", headers });
    const elsewhere = await run("info", "s3://shelf/x", "--endpoint", proxy.url);
    assert.match(elsewhere.stderr, 'the bucket is in eu-west-1: set --region to "eu-west-1"');
    proxy.answer = () => undefined;
  });

  test("a replica is queried, looked at, verified and restored", async () => {
    const count = await run("sql", "s3://shelf/replica/", "select count(*) from t", "--csv");
    assert.match(count.stdout.toString(), /^count\(\*\)\r?\n\d+\r?\n$/, count.stderr);
    const memory = new MemoryObjects();
    for (const { path, bytes } of fixtureFiles("small")) {
      memory.objects.set(path.slice("small/".length), bytes);
    }
    await using expected = await litestream(memory).open();
    const info = await run("ltx", "info", "s3://shelf/replica", "--json");
    assert.is(JSON.parse(info.stdout.toString()).size, expected.size, info.stderr);
    const query = `endpoint=${encodeURIComponent(proxy.url)}&forcePathStyle=true`;
    const verified = await run("ltx", "verify", `s3://shelf/replica?${query}`);
    assert.is(verified.code, 0, verified.stderr);
    const restored = await run("ltx", "restore", "s3://shelf/replica", "app.db", "--quiet");
    assert.is(restored.code, 0, restored.stderr);
    const bytes = new Uint8Array(readFileSync(join(cwd, "app.db")));
    assert.equal(bytes, await expected.read(0, expected.size));
  });
}
test.run();
