import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  defaultBlockSize,
  type Manifest,
  type ManifestBytes,
  makeManifest,
  openManifest,
} from "../adapters/manifest/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { inFolder } from "./local-copy-files.ts";
import { BLOCK, make } from "./manifests.ts";
import { startOrigin } from "./origin/client.ts";
import { propertyRuns } from "./property-runs.ts";
import { failure } from "./rejection.ts";

const test = suite("manifest");

const KIB = 2 ** 10;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("each block has the digest of its bytes, the short last one too", async () => {
  const bytes = patternBytes(3 * BLOCK + 5);
  const manifest = await openManifest(await make(bytes, { identity: "a source" }));
  assert.equal([manifest.size, manifest.blockSize], [bytes.length, BLOCK]);
  assert.is(manifest.identity, "a source");
  for (let block = 0; block < 4; block += 1) {
    const expected = sha256(bytes.subarray(block * BLOCK, (block + 1) * BLOCK));
    assert.is(hex(await manifest.digestOf(block)), expected);
  }
});

test("the bytes are as docs/manifest-format.md says", async () => {
  const bytes = patternBytes(2 * BLOCK);
  const made = Buffer.from(await make(bytes, { identity: "né" }));
  const digests = sha256(bytes.subarray(0, BLOCK)) + sha256(bytes.subarray(BLOCK));
  const index = sha256(Buffer.from(digests, "hex"));
  const fixed = `${hex(Buffer.from("HWDIGEST"))}01000000010000000020000000000000${"00100000"}`;
  const head = `${fixed}03000000${index}${hex(Buffer.from("né"))}`;
  assert.is(hex(made), head + sha256(Buffer.from(head, "hex")) + digests);
  assert.is((await openManifest(made)).root, sha256(Buffer.from(fixed + index, "hex")));
});

test("the root is of the content, and not of where it came from", async () => {
  const bytes = patternBytes(9000);
  const rootOf = async (made: Uint8Array): Promise<string> => (await openManifest(made)).root;
  const root = await rootOf(await make(bytes));
  assert.is(await rootOf(await make(bytes, { identity: "elsewhere" })), root);
  assert.is.not(await rootOf(await make(bytes, { blockSize: 2 * BLOCK })), root);
  bytes[8999] = (bytes[8999] ?? 0) ^ 1;
  assert.is.not(await rootOf(await make(bytes)), root);
});

test("an empty blob has a manifest", async () => {
  const manifest = await openManifest(await make(new Uint8Array()));
  assert.equal([manifest.size, manifest.blocks.regionCount], [0, 0]);
});

test("a blob that is longer or shorter than it was to be has none", async () => {
  const bytes = patternBytes(2 * BLOCK);
  assert.is((await failure(make(bytes, { size: bytes.length - 1 }))).code, "CORRUPT");
  assert.is((await failure(make(bytes, { size: bytes.length + 1 }))).code, "SHORT_READ");
});

test("a block size is a power of two from 4 KiB to 16 MiB", async () => {
  for (const blockSize of [0, 1024, 5000, 2 ** 25, Number.NaN]) {
    try {
      await make(new Uint8Array(10), { blockSize });
      assert.unreachable(`${blockSize}`);
    } catch (error) {
      assert.instance(error, RangeError);
    }
  }
  assert.is(defaultBlockSize(0), 64 * KIB);
  assert.is(defaultBlockSize(64 * 2 ** 30), 64 * KIB);
  assert.is(defaultBlockSize(64 * 2 ** 30 + 1), 128 * KIB);
  assert.is(defaultBlockSize(2 ** 40), 2 ** 20);
  assert.is(defaultBlockSize(2 ** 50), 16 * 2 ** 20);
});

/** Every digest, which is what a manifest is for. */
async function readAll(manifest: Manifest): Promise<string> {
  let all = manifest.root;
  for (let block = 0; block < manifest.blocks.regionCount; block += 1) {
    all += hex(await manifest.digestOf(block));
  }
  return all;
}

test("no bit of a manifest can change unnoticed, nor its end be missing", async () => {
  const made = await make(patternBytes(5 * BLOCK + 1), { identity: "https://example.org/x" });
  const whole = await readAll(await openManifest(made));
  for (let bit = 0; bit < 8 * made.length; bit += 1) {
    const flipped = made.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const error = await failure(openManifest(flipped).then(readAll));
    assert.is(error.code, "CORRUPT", `bit ${bit}: ${error.message}`);
  }
  for (let length = 0; length < made.length; length += 1) {
    assert.is((await failure(openManifest(made.slice(0, length)))).code, "CORRUPT");
  }
  const longer = new Uint8Array(made.length + 1);
  longer.set(made);
  assert.is((await failure(openManifest(longer))).code, "CORRUPT");
  assert.is(await readAll(await openManifest(made)), whole);
});

test("what is no manifest is refused, whatever it is", () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, named) => {
      if (named && bytes.length >= 16) bytes.set(Buffer.from("HWDIGEST\x01\0\0\0\x01\0\0\0"));
      assert.is((await failure(openManifest(bytes))).code, "CORRUPT");
    }),
    propertyRuns(300),
  ));

/** Counts what is read of a manifest. */
class CountedBytes implements ManifestBytes {
  readonly reads: number[] = [];
  isClosed = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.reads.push(length);
    return this.#bytes.slice(offset, offset + length);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

test("of a large manifest only the head and what is asked for is read", async () => {
  const zeros = new Uint8Array(2 ** 20);
  const blockCount = 3 * 4096 + 7;
  async function* many(): AsyncGenerator<Uint8Array> {
    for (let left = blockCount * BLOCK; left > 0; left -= zeros.length) {
      yield zeros.subarray(0, Math.min(left, zeros.length));
    }
  }
  const made = await makeManifest(many(), { size: blockCount * BLOCK, blockSize: BLOCK });
  const bytes = new CountedBytes(made);
  const { Manifest: ManifestClass } = await import("../adapters/manifest/index.ts");
  const manifest = await ManifestClass.read(bytes);
  assert.equal(bytes.reads, [128 * KIB]);
  await Promise.all([manifest.digestOf(4096), manifest.digestOf(8191)]);
  await manifest.digestOf(4097);
  await manifest.digestOf(blockCount - 1);
  assert.equal(bytes.reads, [128 * KIB, 128 * KIB, 7 * 32]);
  await manifest.close();
  assert.ok(bytes.isClosed);
});

test("a read that fails is tried again by the next one, and a bad manifest is closed", async () => {
  const bytes = new CountedBytes(await make(patternBytes(BLOCK)));
  const { Manifest: ManifestClass } = await import("../adapters/manifest/index.ts");
  const manifest = await ManifestClass.read(bytes);
  const read = bytes.read.bind(bytes);
  bytes.read = () => Promise.reject(new Error("away"));
  await manifest.digestOf(0).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, "away"),
  );
  bytes.read = read;
  assert.is((await manifest.digestOf(0)).length, 32);
  const bad = new CountedBytes(new Uint8Array(10));
  await failure(ManifestClass.read(bad));
  assert.ok(bad.isClosed);
});

test("a manifest is opened from a path, a URL of a file or a server, and bytes", () =>
  inFolder(async (path) => {
    const bytes = patternBytes(70_000);
    const made = await make(bytes);
    await writeFile(path, made);
    const root = (await openManifest(made)).root;
    for (const place of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      await using manifest = await openManifest(place);
      assert.is(manifest.root, root);
      assert.is(hex(await manifest.digestOf(17)), sha256(bytes.subarray(17 * BLOCK)));
    }
    assert.is((await failure(openManifest(`${path}.none`))).code, "SOURCE_NOT_FOUND");
    const origin = await startOrigin();
    try {
      const url = origin.url("/blob?size=1000&seed=3");
      assert.is((await failure(openManifest(url))).code, "CORRUPT");
    } finally {
      await origin.close();
    }
  }));

test("the event loop goes on while a blob is hashed", async () => {
  let turns = 0;
  let isDone = false;
  const counting = (async () => {
    while (!isDone) {
      await setImmediate();
      turns += 1;
    }
  })();
  const size = 64 * 2 ** 20;
  async function* atOnce(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(size);
  }
  await makeManifest(atOnce(), { size });
  isDone = true;
  await counting;
  assert.ok(turns >= 60, `${turns} turns`);
});

test.run();
