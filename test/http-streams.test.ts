import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import type { ReadOptions, SourceDevice } from "../lib/index.ts";
import { Blobs } from "./origin/blobs.ts";
import { startOrigin } from "./origin/client.ts";
import { failureOf, Spent } from "./origin/spent.ts";

const test = suite("http streams");

const SIZE = 1_000_003;
const origin = await startOrigin();
const blobs = new Blobs(origin, SIZE);

/** The pieces of a part, to be taken one by one. */
function iterate(
  source: SourceDevice,
  offset: number,
  length: number,
  options?: ReadOptions,
): AsyncIterator<Uint8Array> {
  const pieces = source.stream?.(offset, length, options);
  if (pieces === undefined) throw new Error("an HTTP source streams");
  return pieces[Symbol.asyncIterator]();
}

/** Leaves a stream as soon as so many bytes have come. */
async function readAndLeave(pieces: AsyncIterator<Uint8Array>, wanted: number): Promise<void> {
  let received = 0;
  while (received < wanted) received += (await pieces.next()).value.length;
  await pieces.return?.();
}

/** Waits until the origin has no connection left, for a while. */
async function checkNoConnections(): Promise<void> {
  let open = await origin.connections();
  for (let looks = 0; open > 0 && looks < 500; looks += 1) open = await origin.connections();
  assert.is(open, 0);
}

test.after(() => origin.close());

test("a demand read has connections of its own", async () => {
  const path = await blobs.add({ only: { start: 500_000 }, cut: { after: 10, how: "stall" } });
  await using source = await blobs.open(path, { backgroundConnections: 1, demandConnections: 1 });
  await source.read(0, 131_072);

  const held = iterate(source, 500_000, 1000, { class: "background" });
  await held.next();
  assert.equal(await source.read(9, 9), blobs.bytes(9, 9));
  await held.return?.();
});

test("reads use the same connection again, though they leave with the last byte", async () => {
  // The end of each body comes after a while, and only then is its connection free.
  const path = await blobs.add({ chunked: true, trickle: { bytes: 10_000, everyMs: 5 } });
  await using source = await blobs.open(path, { head: 10_000, demandConnections: 1 });
  await source.read(0, 10_000);
  for (let offset = 0; offset < 50_000; offset += 10_000) {
    await readAndLeave(iterate(source, offset, 10_000), 10_000);
  }
  const seen = await origin.requests(path);
  assert.is(seen.length, 6);
  assert.is(new Set(seen.map(({ connection }) => connection)).size, 1);
});

test("leaving a stream lets go of its connection at once", async () => {
  const path = await blobs.add({ only: { start: 0 }, cut: { after: 100, how: "stall" } });
  await using source = await blobs.open(path, { head: 10, backgroundConnections: 1 });
  await readAndLeave(iterate(source, 0, SIZE, { class: "background" }), 1);
  const bytes = await source.read(5, 5, { class: "background" });
  assert.equal(bytes, blobs.bytes(5, 5));
});

test("a stream that is left while it waits ends", async () => {
  const path = await blobs.add({ only: { start: 5 }, silence: "stall" });
  await using source = await blobs.open(path);
  const stream = iterate(source, 5, 10);
  const waiting = stream.next();
  await stream.return?.();
  assert.equal(await waiting, { done: true, value: undefined });
});

test("an abort ends a read with the signal's reason, wherever it is", async () => {
  const path = await blobs.add(
    { only: { start: 1 }, silence: "stall" },
    { only: { start: 2 }, cut: { after: 1000, how: "stall" } },
  );
  await using source = await blobs.open(path, { demandConnections: 1 });
  await source.read(0, 131_072);
  const reason = new Error("enough");

  const before = source.read(0, 10, { signal: AbortSignal.abort(reason) });
  assert.is(await before.catch((error) => error), reason);
  assert.is((await origin.counts(path)).requests, 1);

  const abort = new AbortController();
  const waiting = source.read(1, 10, { signal: abort.signal });
  while ((await origin.counts(path)).requests < 2) {} // until the server has it
  abort.abort(reason);
  assert.is(await waiting.catch((error) => error), reason);

  const inBody = new AbortController();
  const stream = iterate(source, 2, 5000, { signal: inBody.signal });
  await stream.next();
  const rest = stream.next();
  inBody.abort(reason);
  assert.is(await rest.catch((error) => error), reason);

  // The one connection is free for the next.
  assert.equal(await source.read(3, 3), blobs.bytes(3, 3));
});

test("an abort ends a stream that took over what opening brought", async () => {
  const path = await blobs.add({ cut: { after: 1000, how: "stall" } });
  await using source = await blobs.open(path);
  const abort = new AbortController();
  const stream = iterate(source, 0, 131_072, { signal: abort.signal });
  await stream.next();
  const waiting = stream.next();
  const reason = new Error("enough");
  abort.abort(reason);
  assert.is(await waiting.catch((error) => error), reason);
});

test("a read that waits for a connection is aborted without one, and never sent", async () => {
  const path = await blobs.add({ only: { start: 1 }, cut: { after: 1, how: "stall" } });
  await using source = await blobs.open(path, { demandConnections: 1 });
  await source.read(0, 131_072);
  const held = iterate(source, 1, 5);
  await held.next();

  const abort = new AbortController();
  const spent = new Spent();
  const queued = source.read(2, 5, { signal: abort.signal, meter: spent });
  abort.abort(new Error("enough"));
  assert.is((await queued.catch((error) => error)).message, "enough");
  await held.return?.();
  await source.read(3, 5);
  assert.is(spent.requests, 0);
  assert.is((await origin.counts(path)).requests, 3);
});

test("several may wait for the next piece of one stream; each gets its own", async () => {
  await using source = await blobs.open(await blobs.add());
  const stream = iterate(source, 0, SIZE);
  const pieces: Uint8Array[] = [];
  while (true) {
    const results = await Promise.all([stream.next(), stream.next(), stream.next()]);
    for (const result of results) if (!result.done) pieces.push(result.value);
    if (results.some(({ done }) => done)) break;
  }
  assert.equal(new Uint8Array(Buffer.concat(pieces)), blobs.bytes(0, SIZE));
});

test("an aborted open makes no source and leaves no connection", async () => {
  const path = await blobs.add({ silence: "stall" });
  const abort = new AbortController();
  const reason = new Error("enough");
  const opening = http(blobs.url(path)).open({ signal: abort.signal });
  while ((await origin.counts(path)).requests === 0) {} // until the server has it
  abort.abort(reason);
  assert.is(await opening.catch((error) => error), reason);
  await checkNoConnections();
});

test("an open that fails leaves no connection", async () => {
  const error = await blobs.openingFailure({ status: 404 });
  assert.is(error.code, "SOURCE_NOT_FOUND");
  await checkNoConnections();
});

test("the signal of open has no power over the source it made", async () => {
  const abort = new AbortController();
  const path = await blobs.add();
  await using source = await http(blobs.url(path)).open({ signal: abort.signal });
  abort.abort();
  assert.equal(await source.read(0, 131_072), blobs.bytes(0, 131_072));
  assert.is((await origin.counts(path)).requests, 1);
});

test("close ends what is under way with CLOSED, and what comes after it", async () => {
  const path = await blobs.add({ only: { start: 1 }, silence: "stall" });
  const source = await blobs.open(path);
  const waiting = failureOf(source.read(1, 10));
  const closing = [source.close(), source.close()];
  assert.is((await waiting).code, "CLOSED");
  await Promise.all(closing);
  assert.is((await failureOf(source.read(0, 10))).code, "CLOSED");
  assert.is((await failureOf(source.read(0, 10, { class: "background" }))).code, "CLOSED");
  await checkNoConnections();
});

test("close ends a read that still waits for its credentials", async () => {
  let asked = 0;
  const headers = (): Record<string, string> | Promise<never> => {
    asked += 1;
    return asked === 1 ? {} : new Promise(() => {});
  };
  const source = await blobs.open(await blobs.add(), { headers });
  const waiting = failureOf(source.read(1, 10));
  await source.close();
  assert.is((await waiting).code, "CLOSED");
});

test("close leaves no connection, not even one that is still being made", async () => {
  const mute = createServer().listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as AddressInfo;
  const connected = once(mute, "connection");
  const identity = `https://127.0.0.1:${port}/x etag="1" size=9`;
  const opener = http(`https://127.0.0.1:${port}/x`, { connectTimeoutMs: 3_600_000 });
  const source = await opener.open({ known: { size: 9, identity } });
  const reading = failureOf(source.read(0, 9));
  const [socket] = await connected;
  socket.resume().on("error", () => {});
  const ended = once(socket, "close");
  await source.close();
  assert.is((await reading).code, "CLOSED");
  await ended; // a handshake that nobody ends would last for the connect timeout
  mute.close();
});

test("any number of streams may have one signal", async () => {
  const path = await blobs.add();
  await using source = await blobs.open(path);
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const warn = ({ message }: Error): void => void warnings.push(message);
  process.on("warning", warn);
  try {
    const offsets = Array.from({ length: 20 }, (_, index) => index * 10);
    const streams = offsets.map((offset) => iterate(source, offset, 10, { signal }));
    for (const stream of streams) await stream.next();
    for (const stream of streams) await stream.return?.();
  } finally {
    process.off("warning", warn);
  }
  assert.equal(warnings, []);
});

test("what opening brought and nobody took is let go by close", async () => {
  const path = await blobs.add({ cut: { after: 10, how: "stall" } });
  const source = await blobs.open(path);
  await source.close();
  assert.is((await failureOf(source.read(0, 131_072))).code, "CLOSED");
});

test.run();
