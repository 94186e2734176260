import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  type Reader,
  TextReader,
  Uint8ArrayReader,
  Uint8ArrayWriter,
  ZipReader,
  ZipWriter,
} from "@zip.js/zip.js";
import { unzip } from "unzipit";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import yauzl from "yauzl";
import type { ReadableBlob } from "../adapters/streams/index.ts";
import { hydrateEntries, unzipitReader, yauzlReader, zipReader } from "../adapters/zip.ts";
import type { Clone } from "../lib/index.ts";
import { askEverywhere, openClone } from "./formats/reading.ts";

const test = suite("zip through a clone");

const jar = join(
  dirname(createRequire(import.meta.url).resolve("google-closure-compiler-java/package.json")),
  "compiler.jar",
);
const bytes = new Uint8Array(readFileSync(jar));
const NAMES: readonly string[] = [
  "META-INF/MANIFEST.MF",
  "com/google/javascript/jscomp/Compiler.class",
];

const digest = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

async function askZipJs(reader: Reader<unknown>): Promise<string[]> {
  const zip = new ZipReader(reader, { useWebWorkers: false });
  const entries = await zip.getEntries();
  const digests: string[] = [];
  for (const name of NAMES) {
    const entry = entries.find(({ filename }) => filename === name);
    assert.ok(entry !== undefined && !entry.directory, name);
    const content = await entry.getData(new Uint8ArrayWriter());
    digests.push(digest(content));
  }
  await zip.close();
  return digests;
}

async function askYauzl(blob: ReadableBlob): Promise<string[]> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false };
    yauzl.fromRandomAccessReader(yauzlReader(blob), blob.size, options, (error, file) =>
      error === null ? resolve(file) : reject(error),
    );
  });
  const digests = new Map<string, string>();
  await new Promise<void>((resolve, reject) => {
    zip.once("end", resolve).once("error", reject);
    zip.on("entry", (entry: yauzl.Entry) => {
      if (!NAMES.includes(entry.fileName)) {
        zip.readEntry();
        return;
      }
      zip.openReadStream(entry, (error, stream) => {
        if (error !== null) return reject(error);
        buffer(stream).then((content) => {
          digests.set(entry.fileName, digest(content));
          zip.readEntry();
        }, reject);
      });
    });
    zip.readEntry();
  });
  const closed = new Promise((resolve) => zip.once("close", resolve));
  zip.close();
  await closed;
  return NAMES.map((name) => digests.get(name) ?? "");
}

async function askUnzipit(blob: ReadableBlob): Promise<string[]> {
  const { entries } = await unzip(unzipitReader(blob));
  const digests: string[] = [];
  for (const name of NAMES) {
    digests.push(
      digest(new Uint8Array((await entries[name]?.arrayBuffer()) ?? new ArrayBuffer(0))),
    );
  }
  return digests;
}

async function hydrate(clone: Clone): Promise<void> {
  const zip = new ZipReader(zipReader(clone));
  const entries = await zip.getEntries();
  await hydrateEntries(
    clone,
    entries.filter(({ filename }) => NAMES.includes(filename)),
  );
}

const answer = await askZipJs(new Uint8ArrayReader(bytes));
assert.is(new Set(answer).size, 2);
const about = { what: "two entries of a jar", file: bytes, answer, hydrate };

test("zip.js reads entries as from memory, and hydrated entries without a request", async () => {
  const ask = (blob: ReadableBlob): Promise<string[]> => askZipJs(zipReader(blob));
  await askEverywhere({ ...about, library: "zip.js", ask });
});

test("yauzl does", async () => {
  await askEverywhere({ ...about, library: "yauzl", ask: askYauzl });
});

test("unzipit does", async () => {
  await askEverywhere({ ...about, library: "unzipit", ask: askUnzipit });
});

test("an entry whose local header is longer than the directory says is brought whole", async () => {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false, level: 0 });
  const content = "0123456789".repeat(2000);
  await writer.add("one", new TextReader(content));
  await writer.add("two", new TextReader(content));
  const made = await writer.close();
  // Not even compressed, and with 5000 bytes more in the first local header.
  const surplus = new Uint8Array(4 + 5000);
  new DataView(surplus.buffer).setUint32(0, 0x1388cafe, true);
  const zip = lengthened(made, surplus);
  const clone = await openClone(zip);
  const [entry] = await new ZipReader(zipReader(clone)).getEntries();
  assert.ok(entry !== undefined);
  await hydrateEntries(clone, [entry]);
  const { requests } = clone.stats();
  const header = new DataView(zip.buffer).getUint16(28, true) + 30 + "one".length;
  const end = await clone.read(header + content.length - 10, 10);
  assert.is(Buffer.from(end).toString(), "0123456789");
  assert.is(clone.stats().requests, requests);
  await clone.close();
});

test("what is no entry is told", async () => {
  const clone = await openClone(bytes);
  try {
    await hydrateEntries(clone, [{ filename: "x", offset: 1, compressedSize: 10 }]);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TypeError);
  }
  await clone.close();
});

/** A zip whose first local header has these extra fields more. Its directory is moved, not told. */
function lengthened(zip: Uint8Array, surplus: Uint8Array): Uint8Array {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
  const at = 30 + view.getUint16(26, true);
  const before = view.getUint16(28, true);
  const longer = new Uint8Array(zip.length + surplus.length);
  longer.set(zip.subarray(0, at + before));
  longer.set(surplus, at + before);
  longer.set(zip.subarray(at + before), at + before + surplus.length);
  const moved = new DataView(longer.buffer);
  moved.setUint16(28, before + surplus.length, true);
  const end = longer.length - 22;
  assert.is(moved.getUint32(end, true), 0x06054b50, "the end of the directory");
  moved.setUint32(end + 16, moved.getUint32(end + 16, true) + surplus.length, true);
  return longer;
}

test.run();
