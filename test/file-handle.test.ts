import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fileHandle } from "../adapters/file-handle.ts";
import type { HeadwaterError } from "../lib/index.ts";
import { close, content, type Opened, open, openStuck, SIZE } from "./doors/opened.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite<Opened>("file handle");
test.before.each(open);
test.after.each(close);

test("reads as a FileHandle does, in each way to say it", async ({ clone }) => {
  const handle = fileHandle(clone);
  const buffer = Buffer.alloc(100);
  assert.equal(await handle.read(buffer, 10, 20, 1000), { bytesRead: 20, buffer });
  assert.ok(buffer.subarray(10, 30).equals(content.subarray(1000, 1020)));
  assert.ok(buffer.subarray(30).every((byte) => byte === 0));
  // Without a position it goes on, and a position leaves that where it was.
  await handle.read(buffer, { length: 50 });
  await handle.read(buffer, 0, 10, 5n);
  await handle.read({ buffer, offset: 50, position: null });
  await handle.read({ buffer, offset: 0, length: 50, position: 0 });
  assert.ok(buffer.equals(content.subarray(0, 100)));
  const words = new Uint32Array(2);
  await handle.read(words, 0, 8, 4);
  assert.is(words[1], content.readUInt32LE(8));
  assert.is((await handle.read(buffer, 0, 100, SIZE - 7)).bytesRead, 7);
  assert.is((await handle.read(buffer, 0, 100, SIZE)).bytesRead, 0);
  assert.instance(await rejection(handle.read(buffer, 90, 20, 0)), RangeError);
  assert.instance(await rejection(handle.read(buffer, 0, 20, -2)), RangeError);
});

test("the whole, a part by its last byte, and how large it is", async ({ clone }) => {
  const handle = fileHandle(clone);
  const { size, isFile } = await handle.stat();
  assert.is(size, SIZE);
  assert.ok(isFile());
  const part = handle.createReadStream({ start: 10, end: 19, encoding: "hex" });
  let digits = "";
  for await (const text of part) digits += text;
  assert.is(digits, content.subarray(10, 20).toString("hex"));
  assert.ok((await handle.readFile()).equals(content));
  assert.is(await handle.readFile("utf8"), ""); // it was at the end
});

test("closing ends what waits, and leaves the clone open", async () => {
  await using clone = await openStuck();
  const handle = fileHandle(clone);
  const read = failure(handle.read(Buffer.alloc(10), 0, 10, 0));
  await handle.close();
  assert.is((await read).code, "CLOSED");
  assert.is((await failure(handle.stat())).code, "CLOSED");
  assert.throws(
    () => handle.createReadStream(),
    (error: HeadwaterError) => error.code === "CLOSED",
  );
  assert.is(clone.mode, "read-write");
});

test.run();
