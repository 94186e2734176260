import { readFile, writeFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HydrateBlobOptions, hydrate } from "../adapters/hydrate.ts";
import {
  makeManifest,
  openManifest,
  type VerifiedSource,
  verified,
} from "../adapters/manifest/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes, sourceConformance } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, type HeadwaterError, type SourceDevice } from "../lib/index.ts";
import { LyingOrigin } from "./devices/lying-origin.ts";
import { ScriptedSource, withoutStream } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";
import { inFolder } from "./local-copy-files.ts";
import { BLOCK, make } from "./manifests.ts";
import { failure } from "./rejection.ts";

// Before any suite: uvu would run those that are ready while this waits.
const BYTES = patternBytes(21 * BLOCK + 7);
const MANIFEST = await make(BYTES, { identity: "the right one" });

for (const [name, wrap] of [
  ["a streaming source", (source: SourceDevice) => source],
  ["a source without streams", (source: SourceDevice) => withoutStream(source as ScriptedSource)],
] as const) {
  const conformance = suite(`verified: ${name}`);
  sourceConformance(conformance, {
    open: async (size) => {
      const bytes = patternBytes(size);
      const inner = wrap(new ScriptedSource(bytes.slice(), { pieces: [3000, 100, 20_000] }));
      const device = await verified(inner, { manifest: await make(bytes) }).open();
      return { bytes, device };
    },
  });
  conformance.run();
}

const test = suite("verified source");

const REGION = 2 * BLOCK;
/** The same bytes but for one in each of these blocks. */
function damaged(...blocks: number[]): Uint8Array {
  const bytes = BYTES.slice();
  for (const block of blocks) bytes[block * BLOCK + 3] = (bytes[block * BLOCK + 3] ?? 0) ^ 1;
  return bytes;
}

async function open(inner: SourceDevice, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const source = await verified(inner, { manifest: MANIFEST }).open();
  const pause = (): Promise<void> => new Promise((done) => setImmediate(done));
  return Clone.open({
    source,
    destination: new MemoryDevice(BYTES.length),
    regionSize: REGION,
    readAround: 0,
    clock: new TestClock(pause),
    ...options,
  });
}

test("each byte is fetched once, and no more than whole blocks", async () => {
  const inner = new ScriptedSource(BYTES.slice(), { pieces: [1000] });
  await using clone = await open(inner, { noHydration: true });
  assert.equal(await clone.read(REGION + 10, 5), BYTES.slice(REGION + 10, REGION + 15));
  assert.is(inner.servedBytes, REGION);
  await Promise.all([clone.read(0, BYTES.length), clone.hydrate()]);
  assert.equal(inner.served, new Uint8Array(BYTES.length).fill(1));
  assert.is(clone.stats().amplification, 1);
});

test("what is fetched for a read that keeps nothing is verified too", async () => {
  const inner = new ScriptedSource(damaged(4));
  await using clone = await open(inner, { noHydration: true, copyOnRead: false });
  assert.equal(await clone.read(10, 5), BYTES.slice(10, 15));
  assert.is(inner.servedBytes, BLOCK);
  // The byte that is asked for is right, and its block is not.
  const error = await failure(clone.read(5 * BLOCK - 1, 1));
  assert.is(error.code, "DIGEST_MISMATCH");
});

test("a block that is wrong is fetched again, and then refused to readers by name", async () => {
  const inner = new ScriptedSource(damaged(4));
  await using clone = await open(inner, { noHydration: true });
  const error = await failure(clone.read(4 * BLOCK + 100, 1));
  assert.equal([error.code, error.offset, error.length], ["DIGEST_MISMATCH", 4 * BLOCK, BLOCK]);
  assert.match(error.message, "scripted are not as the manifest says, which was made of the right");
  assert.is(inner.served[4 * BLOCK], 4);
  // Its neighbours can be had.
  assert.equal(await clone.read(6 * BLOCK, BLOCK), BYTES.slice(6 * BLOCK, 7 * BLOCK));
});

test("in the background it is quarantined, told, and holds back nothing else", async () => {
  const inner = new ScriptedSource(damaged(4, 21));
  const destination = new MemoryDevice(new Uint8Array(BYTES.length).fill(0xa6));
  await using clone = await open(inner, { destination });
  const told: unknown[] = [];
  clone.on("quarantined", ({ offset, error }) => told.push([offset, error.code]));
  const error = await failure(clone.hydrated());
  assert.is(error.code, "STALLED");
  assert.is((error.cause as HeadwaterError).code, "DIGEST_MISMATCH");
  assert.equal(told.sort(), [
    [4 * BLOCK, "DIGEST_MISMATCH"],
    [20 * BLOCK, "DIGEST_MISMATCH"],
  ]);
  assert.equal(
    [...clone.missing()],
    [
      { offset: 4 * BLOCK, length: REGION },
      { offset: 20 * BLOCK, length: BLOCK + 7 },
    ],
  );
  // Not even the half of the region that is right is there: a region lands as a whole.
  assert.ok(destination.bytes.subarray(4 * BLOCK, 6 * BLOCK).every((byte) => byte === 0xa6));
});

test("one that is right the second time is as good as any", async () => {
  class Once extends ScriptedSource {
    override async *stream(
      ...[offset, length, options]: Parameters<ScriptedSource["stream"]>
    ): AsyncGenerator<Uint8Array, void, undefined> {
      const isFirst = this.served[4 * BLOCK] === 0;
      for await (const piece of super.stream(offset, length, options)) {
        if (isFirst && offset <= 4 * BLOCK) piece[piece.length - 1] = 1;
        yield piece;
      }
    }
  }
  const inner = new Once(BYTES.slice());
  await using clone = await open(inner);
  await clone.hydrated();
  assert.equal(await clone.read(0, BYTES.length), BYTES);
  assert.ok(clone.stats().bytesFetched > BYTES.length);
});

test("a source of another size is refused at once, and let go", async () => {
  const inner = new ScriptedSource(BYTES.slice(0, -1));
  const opener = { open: () => Promise.resolve(inner), recognizes: () => true };
  const error = await failure(verified(opener, { manifest: MANIFEST }).open());
  assert.is(error.code, "DIGEST_MISMATCH");
  assert.match(error.message, `has ${BYTES.length - 1} bytes`);
  assert.ok(inner.isClosed);
});

test("blocks that the manifest says are zeros are never fetched", async () => {
  const bytes = new Uint8Array(40 * BLOCK + 9);
  bytes.set(patternBytes(BLOCK), 8 * BLOCK);
  const inner = new ScriptedSource(bytes.slice());
  const source = await verified(inner, { manifest: await make(bytes) }).open();
  const ranges: unknown[] = [];
  for await (const { offset, length } of source.zeros(BLOCK, bytes.length - BLOCK)) {
    ranges.push([offset / BLOCK, length]);
  }
  assert.equal(ranges, [
    [1, 7 * BLOCK],
    [9, 31 * BLOCK + 9],
  ]);
  const destination = new MemoryDevice(new Uint8Array(bytes.length).fill(0xa6));
  await using clone = await Clone.open({ source, destination, regionSize: BLOCK });
  await clone.hydrated();
  assert.equal(destination.bytes, bytes);
  assert.is(inner.servedBytes, BLOCK);
});

test("regions of a new copy are no smaller than blocks", async () => {
  const manifest = await make(BYTES, { blockSize: 2 ** 20 });
  const source = await verified(new ScriptedSource(BYTES.slice()), { manifest }).open();
  const destination = new MemoryDevice(BYTES.length);
  await using clone = await Clone.open({ source, destination, regionSize: 4096 });
  assert.is(clone.regionSize, 2 ** 20);
});

test("a manifest that cannot be believed any more verifies nothing", async () => {
  await inFolder(async (path) => {
    await writeFile(path, MANIFEST);
    const source = await verified(new ScriptedSource(BYTES.slice()), { manifest: path }).open();
    const other = MANIFEST.slice();
    other.fill(0, other.length - 1);
    await writeFile(path, other);
    assert.is((await failure(source.read(0, 1))).code, "CORRUPT");
    await writeFile(path, MANIFEST);
    assert.equal(await source.read(0, 1), BYTES.slice(0, 1));
  });
});

test("an open manifest is left to whoever opened it", async () => {
  let isClosed = false;
  const { Manifest } = await import("../adapters/manifest/index.ts");
  const manifest = await Manifest.read({
    size: MANIFEST.length,
    read: async (offset, length) => MANIFEST.slice(offset, offset + length),
    close: async () => {
      isClosed = true;
    },
  });
  const source = await verified(new ScriptedSource(BYTES.slice()), { manifest }).open();
  await source.close();
  assert.not(isClosed);
  await manifest.close();
  assert.ok(isClosed);
});

/** A blob of several regions on a server, with a manifest of it. */
async function onServer(
  run: (given: {
    origin: LyingOrigin;
    url: string;
    path: string;
    options: HydrateBlobOptions;
  }) => Promise<void>,
): Promise<void> {
  const bytes = patternBytes(900_000);
  await using origin = new LyingOrigin(bytes);
  const url = await origin.open();
  const manifest = await makeManifest(
    (async function* () {
      yield bytes;
    })(),
    { size: bytes.length },
  );
  await inFolder((path) =>
    run({ origin, url, path, options: { manifest, retries: { backoffMs: 1 } } }),
  );
}

test("hydrate takes a manifest, and what opening brings is part of it", () =>
  onServer(async ({ origin, url, path, options }) => {
    const clone = await hydrate(url, path, options);
    assert.equal(await clone.read(0, 10), origin.bytes.slice(0, 10));
    await clone.hydrated();
    await clone.close();
    assert.ok((await readFile(path)).equals(origin.bytes));
    assert.is(origin.sentBytes, origin.bytes.length);
    const { root } = await openManifest(options.manifest ?? "");
    const again = await hydrate(url, path, options);
    assert.match(again.status().identity, `/blob etag="always" size=900000 sha256=${root}`);
    await again.close();
    assert.is(origin.sentBytes, origin.bytes.length);
  }));

test("a copy that was begun with a manifest goes on with it, and not without", () =>
  onServer(async ({ origin, url, path, options }) => {
    const first = await hydrate(url, path, { ...options, noHydration: true });
    await first.hydrate({ ranges: [{ offset: 0, length: 2 ** 17 }] });
    await first.close();
    const sent = origin.sentBytes;
    const error = await failure(hydrate(url, path));
    assert.is(error.code, "SOURCE_CHANGED");
    assert.match(error.message, "name one again with the `manifest` option");
    const { requests } = origin;
    const second = await hydrate(url, path, { ...options, noHydration: true });
    assert.is(origin.requests, requests); // it is pinned to the same ETag
    await second.hydrate();
    await second.hydrated();
    await second.close();
    assert.is(origin.sentBytes, origin.bytes.length);
    assert.ok(sent > 0 && sent < origin.sentBytes);
    // Finished, it is a file like any other.
    const third = await hydrate(url, path);
    assert.equal(await third.read(5, 5), origin.bytes.slice(5, 10));
    await third.close();
  }));

test("a server that flips a bit now and then is no matter", () =>
  onServer(async ({ origin, url, path, options }) => {
    let calls = 0;
    origin.lie = () => {
      calls += 1;
      return calls % 2 === 0 ? "flip" : undefined;
    };
    const clone = await hydrate(url, path, options);
    await clone.hydrated();
    await clone.close();
    assert.ok(origin.lies > 0);
    assert.ok((await readFile(path)).equals(origin.bytes));
  }));

test("the piece of memory that a wrong block came in is given back", async () => {
  const returned: number[] = [];
  class Counting extends ScriptedSource {
    override release(pieces: readonly Uint8Array[]): void {
      for (const { length } of pieces) returned.push(length);
      super.release(pieces);
    }
  }
  const inner = new Counting(damaged(1), { pieces: [1024] });
  const source: VerifiedSource = await verified(inner, { manifest: MANIFEST }).open();
  assert.is((await failure(source.read(0, 2 * BLOCK))).code, "DIGEST_MISMATCH");
  assert.equal(returned, new Array(8).fill(1024));
});

test.run();
