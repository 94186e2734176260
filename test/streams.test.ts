import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { nodeStream, readPieces, webStream } from "../adapters/streams/index.ts";
import { Clone } from "../lib/index.ts";
import { heldSource } from "./devices/held-source.ts";
import { close, collect, content, type Opened, open, SIZE } from "./doors/opened.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite<Opened>("streams");
test.before.each(open);
test.after.each(close);

test("both kinds bring exactly the part, and fetch its regions alone, once", async (context) => {
  const { clone, source } = context;
  const options = { offset: 100_000, length: 1_500_000 };
  const expected = content.subarray(100_000, 1_600_000);
  const web = await collect(webStream(clone, options));
  assert.ok(web.equals(expected));
  assert.is(source.servedBytes, (25 - 1) * 65536); // regions 1 to 24
  const node = await collect(nodeStream(clone, options));
  assert.ok(node.equals(expected));
  assert.is(source.servedBytes, (25 - 1) * 65536);
});

test("an end past the blob's is its end, and an offset past it is nothing", async (context) => {
  const { clone } = context;
  const lengthOf = async (options: object): Promise<number> => {
    let length = 0;
    for await (const piece of webStream(clone, options)) length += piece.length;
    return length;
  };
  assert.is(await lengthOf({}), SIZE);
  assert.is(await lengthOf({ offset: SIZE - 10, length: 100 }), 10);
  assert.is(await lengthOf({ offset: SIZE + 10 }), 0);
  assert.is(await lengthOf({ length: 0 }), 0);
  assert.throws(() => webStream(clone, { offset: -1 }), "offset is -1");
  assert.throws(() => nodeStream(clone, { length: 1.5 }), "length is 1.5");
});

test("nothing is read before it is wanted, and no further than the read-ahead", async (context) => {
  const { clone, source } = context;
  const reader = webStream(clone, { readAhead: 500_000 }).getReader();
  await new Promise((done) => setTimeout(done, 20));
  assert.is(source.servedBytes, 0);
  await reader.read();
  await new Promise((done) => setTimeout(done, 50));
  assert.is(source.servedBytes, 12 * 65536); // 256 KiB and the 500 000 after them
  await reader.cancel();
  assert.is(source.servedBytes, 12 * 65536);
});

test("a reader brings its own buffer", async ({ clone }) => {
  const reader = webStream(clone, { offset: 1000, length: 300_000 }).getReader({ mode: "byob" });
  const taken: Uint8Array[] = [];
  for (let buffer = new ArrayBuffer(70_000); ; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done || value === undefined) break;
    taken.push(value.slice());
    buffer = value.buffer as ArrayBuffer;
  }
  assert.ok(Buffer.concat(taken).equals(content.subarray(1000, 301_000)));
});

test("cancel, destroy and abort end a read that waits, and nobody else's", async () => {
  const { source, next, waiting } = heldSource(new Uint8Array(content), 65536);
  const destination = new MemoryDevice(SIZE);
  await using clone = await Clone.open({ source, destination, noHydration: true });
  const stayer = clone.read(0, 1000);

  const cancelled = webStream(clone).getReader();
  const read = cancelled.read();
  await cancelled.cancel();
  assert.ok((await read).done);

  const destroyed = nodeStream(clone);
  destroyed.read();
  destroyed.destroy();
  await once(destroyed, "close");

  const ending = new AbortController();
  const { signal } = ending;
  const waits = [
    rejection(webStream(clone, { signal }).getReader().read()),
    rejection(pipeline(nodeStream(clone, { signal }), async (all) => void (await collect(all)))),
    rejection(readPieces(clone, { signal }).next()),
  ];
  const idle = webStream(clone, { signal }).getReader();
  const reason = new Error("enough");
  ending.abort(reason);
  const [web, , pieces] = await Promise.all(waits);
  assert.is(web, reason);
  assert.is(pieces, reason);
  assert.is(await rejection(idle.read()), reason);
  assert.is(await rejection(webStream(clone, { signal }).getReader().read()), reason);

  const release = setInterval(() => waiting() > 0 && next(), 1);
  assert.ok(content.subarray(0, 1000).equals(await stayer));
  clearInterval(release);
});

test("whatever ends a stream ends the read that it waits for", async () => {
  const ends: string[] = [];
  const blob = {
    size: SIZE,
    read: (offset: number, _: number, options: { signal?: AbortSignal } = {}) =>
      new Promise<Uint8Array>((_, reject) => {
        options.signal?.addEventListener("abort", () => {
          ends.push(`read at ${offset}`);
          reject(options.signal?.reason);
        });
      }),
  };
  const ending = new AbortController();
  const { signal } = ending;
  const aborted = rejection(webStream(blob, { offset: 1, signal }).getReader().read());
  const abortedToo = nodeStream(blob, { offset: 2, signal });
  const closed = new Promise((resolve) => abortedToo.once("error", resolve).read());
  const cancelled = webStream(blob, { offset: 3 }).getReader();
  const waits = cancelled.read();
  await new Promise((done) => setImmediate(done)); // by now each of them reads
  ending.abort(new Error("enough"));
  await cancelled.cancel();
  await Promise.all([aborted, closed, waits]);
  assert.equal(ends.sort(), ["read at 1", "read at 2", "read at 3"]);
});

test("a stream is of one version, or breaks off", async () => {
  let identity = "one";
  const blob = {
    size: SIZE,
    read: async (_: number, length: number) => new Uint8Array(length),
    status: () => ({ identity, strongIdentity: true, written: false }),
  };
  const reader = webStream(blob).getReader();
  await reader.read();
  identity = "two";
  assert.is((await failure(reader.read())).code, "SOURCE_CHANGED");
});

test.run();
