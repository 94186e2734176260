import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { HEADER_SIZE, type LtxSource, litestream, locatePageIndex } from "../adapters/ltx/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { isHeadwaterError, type RequestClass } from "../lib/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { randomFrom } from "./devices/random.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { History, makePage, makePages } from "./ltx-history.ts";
import { decodeFile } from "./ltx-writing.ts";

const test = suite("flipped bytes in a replica");

/** `FLIPS=1000 TEST_TIMEOUT_MS=3600000 npm test -- ltx-flips` makes more of them. */
const { FLIPS = "80", FLIP_SEED = "1" } = process.env;

const random = randomFrom(Number(FLIP_SEED));
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;

/** A replica without a fault, and the database that it holds. */
interface Sound {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly pageSize: number;
  readonly database: Uint8Array;
}

async function sound(name: string, store: MemoryObjects): Promise<Sound> {
  await using source = (await litestream(store).open()) as LtxSource;
  const database = await source.read(0, source.size);
  return { name, files: new Map(store.objects), pageSize: source.pageSize, database };
}

function fixture(replica: string): Promise<Sound> {
  const store = new MemoryObjects();
  for (const { path, bytes } of fixtureFiles(replica)) {
    store.objects.set(path.slice(replica.length + 1), bytes);
  }
  return sound(replica, store);
}

/** A snapshot that is too large to be fetched whole, of which a later file has so many pages. */
async function large(rewritten: number): Promise<Sound> {
  const history = new History(4096);
  await history.commit(400, makePages(4096, 1, 400, 1));
  await history.commit(396, makePages(4096, 1, rewritten, 2));
  const scattered: Record<number, Uint8Array> = {};
  for (let pgno = 1; pgno <= 398; pgno += 37) scattered[pgno] = makePage(4096, pgno, 3);
  await history.commit(398, scattered);
  return sound(`${rewritten} pages rewritten`, history.store);
}

interface Flip {
  readonly replica: Sound;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** Of the places half are where files say what is where: they are few, and matter most. */
function flipIn(replica: Sound): Flip {
  const key = pick([...replica.files.keys()]);
  const bytes = (replica.files.get(key) as Uint8Array).slice();
  const { length } = bytes;
  const places = [random(length), random(length), random(100), length - 1 - random(200)];
  const at = pick(places);
  bytes[at] = (bytes[at] as number) ^ (1 + random(255));
  return { replica, key, bytes, at };
}

/** Whether the whole file is found to be damaged. If not its pages must be what they were. */
async function isDetected({ replica, key, bytes }: Flip): Promise<boolean> {
  try {
    const found = await decodeFile(bytes);
    assert.equal(found, await decodeFile(replica.files.get(key) as Uint8Array));
    return false;
  } catch (error) {
    if (isHeadwaterError(error, "CORRUPT")) return true;
    throw error;
  }
}

/** Reads all pages, some at a time, in any order. Returns those that were given. */
async function readAll(source: LtxSource, by: RequestClass): Promise<Map<number, Uint8Array>> {
  const { pageSize } = source;
  const count = source.size / pageSize;
  const starts: number[] = [];
  for (let page = 0; page < count; page += 1 + random(40)) starts.push(page);
  const ends = new Map(starts.map((start, index) => [start, starts[index + 1] ?? count]));
  const pages = new Map<number, Uint8Array>();
  while (starts.length > 0) {
    const [start = 0] = starts.splice(random(starts.length), 1);
    const length = ((ends.get(start) as number) - start) * pageSize;
    const bytes = await source.read(start * pageSize, length, { class: by }).catch((error) => {
      if (isHeadwaterError(error, "CORRUPT")) return new Uint8Array();
      throw error;
    });
    for (let at = 0; at < bytes.length; at += pageSize) {
      pages.set(start + at / pageSize, bytes.subarray(at, at + pageSize));
    }
  }
  return pages;
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** Those that are not as they are in the replica without the fault. */
function wrongPages(pages: ReadonlyMap<number, Uint8Array>, { database, pageSize }: Sound) {
  return [...pages.keys()].filter((page) => {
    const right = database.subarray(page * pageSize, (page + 1) * pageSize);
    return !isSame(pages.get(page) as Uint8Array, right);
  });
}

/** Whether it is in one of the frames, which older Litestreams gave a checksum each. */
function isInOldFrame({ replica, key, at }: Flip): boolean {
  const bytes = replica.files.get(key) as Uint8Array;
  const { offset } = locatePageIndex(bytes, bytes.length);
  return replica.name === "small-frame" && at >= HEADER_SIZE && at < offset;
}

type Outcome = "not opened" | "noticed" | "as it was" | "wrong, and known since" | "wrong";

/** The replica with its damaged file. Undefined where it cannot be opened. */
async function opened(flip: Flip, wholeFileSize: number): Promise<LtxSource | undefined> {
  const { replica, key, bytes } = flip;
  const store = new MemoryObjects();
  for (const [name, content] of replica.files) store.objects.set(name, content);
  store.objects.set(key, bytes);
  try {
    return (await litestream(store, { wholeFileSize }).open()) as LtxSource;
  } catch (error) {
    if (isHeadwaterError(error, "CORRUPT")) return undefined;
    throw error;
  }
}

/** Whether the checksum of the damaged file is known once everything was hydrated. */
function isKnown(source: LtxSource, { key }: Flip): boolean {
  const extents = source.assembly.pages.files.find(({ file }) => file.object.key === key);
  return extents === undefined || extents.file.body !== undefined || extents.areWhole;
}

/** Whether a copy becomes whole; then it must be right, as far as that can be known. */
async function isCopied(flip: Flip, wholeFileSize: number): Promise<boolean> {
  const source = await opened(flip, wholeFileSize);
  if (source === undefined) return false;
  const destination = new MemoryDevice(source.size);
  const clone = await hydrate(source, destination, { regionSize: 4096 });
  const failed = new Promise((resolve) => clone.once("quarantined", () => resolve(false)));
  const isWhole = await Promise.race([clone.hydrated().then(() => true), failed]);
  await clone.close();
  await source.close();
  if (isWhole === true && isKnown(source, flip)) {
    assert.ok(isSame(destination.bytes, flip.replica.database), "the copy is whole, and wrong");
  }
  return isWhole === true;
}

/** What becomes of a damaged file that is read page by page, by somebody or in the background. */
async function outcomeOf(flip: Flip, by: RequestClass, wholeFileSize: number): Promise<Outcome> {
  const { replica, key } = flip;
  const source = await opened(flip, wholeFileSize);
  if (source === undefined) return "not opened";
  const first = await readAll(source, by);
  const second = await readAll(source, by);
  for (const [page, given] of second) {
    const before = first.get(page) ?? given;
    assert.ok(isSame(before, given), `page ${page} was given in two versions`);
  }
  const extents = source.assembly.pages.files.find(({ file }) => file.object.key === key);
  await source.close();
  const [early, late] = [wrongPages(first, replica), wrongPages(second, replica)];
  const isWhole = second.size * replica.pageSize === replica.database.length;
  // A file that was fetched whole is known from the beginning, another when all of it was read.
  const isFromTheFirst = extents === undefined || extents.file.body !== undefined;
  if (isFromTheFirst || isInOldFrame(flip)) assert.equal(early, [], "wrong, though it was known");
  if (isKnown(source, flip)) {
    assert.equal(late, [], "wrong, though it was known");
    assert.ok(!isWhole || early.length === 0, "whole, and wrong");
  }
  if (late.length > 0) return "wrong";
  if (early.length > 0) return "wrong, and known since";
  return isWhole ? "as it was" : "noticed";
}

test(`${FLIPS} flipped bytes: each is noticed, or changes nothing, where a file was read whole`, async () => {
  const replicas = await Promise.all([
    ...["small", "small-levels", "small-frame"].map(fixture),
    ...[20, 200].map(large),
  ]);
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  for (let number = 1; number <= Number(FLIPS); number += 1) {
    const flip = flipIn(pick(replicas));
    try {
      count((await isDetected(flip)) ? "verify: noticed" : "verify: as it was");
      count(`in parts: ${await outcomeOf(flip, "demand", 0)}`);
      count(`small files whole: ${await outcomeOf(flip, "background", 2 ** 18)}`);
      for (const whole of [0, 2 ** 18]) {
        count(`a copy: ${(await isCopied(flip, whole)) ? "whole" : "not whole"}`);
      }
    } catch (error) {
      const what = `FLIP_SEED=${FLIP_SEED}, flip ${number}, ${flip.replica.name}/${flip.key}`;
      throw new Error(`${what}, byte ${flip.at}: ${error}`, { cause: error });
    }
  }
  const lines = [...counts].sort().map(([what, number]) => `${what}, ${number} times`);
  console.log(lines.join("\n"));
});

test.run();
