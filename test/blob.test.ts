import { suite } from "uvu";
import * as assert from "uvu/assert";
import { blobOf } from "../adapters/blob.ts";
import { close, collect, content, type Opened, open } from "./doors/opened.ts";
import { failure } from "./rejection.ts";

const test = suite<Opened>("blob");
test.before.each(open);
test.after.each(close);

test("slices of slices are those of a real Blob", async ({ clone }) => {
  const ours = blobOf(clone, { type: "Image/TIFF" });
  const real = new Blob([content], { type: "Image/TIFF" });
  assert.is(ours.size, real.size);
  assert.is(ours.type, real.type);
  const bounds = [undefined, 0, 1.7, 100, -100, -5000, 5000, Number.NaN, -Infinity, 1e12];
  const a = ours.slice(1000, 3000, "A/b");
  const b = real.slice(1000, 3000, "A/b");
  assert.is(a.type, b.type);
  for (const start of bounds) {
    for (const end of bounds) {
      const found = Buffer.from(await a.slice(start, end).arrayBuffer());
      const expected = content.subarray(1000, 3000).slice(start, end);
      assert.ok(found.equals(expected), `${start} to ${end}`);
    }
  }
});

test("it is read as a real one is, and only what is asked for", async ({ clone, source }) => {
  const part = blobOf(clone).slice(70_000, 80_000);
  assert.is(source.servedBytes, 0);
  const expected = content.subarray(70_000, 80_000);
  assert.ok(expected.equals(await part.bytes()));
  assert.is(await part.text(), await new Blob([expected]).text());
  assert.ok((await collect(part.stream())).equals(expected));
  assert.is(source.servedBytes, 65536);
  const response = await new Response(part.stream()).arrayBuffer();
  assert.ok(expected.equals(new Uint8Array(response)));
});

test("what would take it for a text is told", async ({ clone }) => {
  const blob = blobOf(clone).slice(0, 10);
  assert.throws(() => `${blob}`, "pass its stream()");
  assert.throws(() => new Blob([blob as unknown as string]), "pass its stream()");
  // Either it is taken for a Blob, or it throws: never anything else.
  const body = await (async () => new Response(blob as unknown as Blob).text())().catch(String);
  const text = await blob.text();
  assert.ok(body === text || body.includes("pass its stream()"), body);
});

test("it does not change", async () => {
  let identity = "one";
  const blob = blobOf({
    size: 10,
    read: async (_, length) => new Uint8Array(length),
    status: () => ({ identity, strongIdentity: true, written: false }),
  });
  await blob.bytes();
  identity = "two";
  assert.is((await failure(blob.slice(1).bytes())).code, "SOURCE_CHANGED");
});

test.run();
