import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileStore, type LtxSource, litestream } from "../adapters/ltx/index.ts";
import { HeadwaterError } from "../lib/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { expectedStates, fixtureFiles, type REPLICAS } from "./ltx-files.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("Litestream replicas");

type Replica = (typeof REPLICAS)[number];

/** A fixture as a store that counts. */
function stored(replica: Replica): MemoryObjects {
  const store = new MemoryObjects();
  for (const { path, bytes } of fixtureFiles(replica)) {
    store.objects.set(path.slice(replica.length + 1), bytes);
  }
  return store;
}

async function open(store: MemoryObjects, at?: bigint | Date): Promise<LtxSource> {
  return (await litestream(store, at === undefined ? {} : { at }).open()) as LtxSource;
}

test("opening takes three round trips, whatever the number of files and levels", async () => {
  for (const replica of ["small", "small-levels", "small-frame"] as const) {
    const store = stored(replica);
    await using source = await open(store);
    assert.ok(store.rounds <= 3, `${store.rounds} rounds`);
    assert.is(store.count("list"), 10);
    assert.is(source.txid, 8n);
    // They are small: each of those that are needed is one request.
    assert.is(store.count("read"), replica === "small-levels" ? 4 : 8);
  }
});

test("a listing that goes on is one round trip more for each part", async () => {
  const store = stored("small");
  store.listingSize = 3;
  await using source = await open(store);
  assert.is(source.txid, 8n);
  assert.is(store.count("list"), 12);
  assert.ok(store.rounds <= 5, `${store.rounds} rounds`);
});

test("the newest state, or that of any transaction", async () => {
  const store = stored("small");
  for (const { txid } of expectedStates()) {
    await using source = await open(store, BigInt(`0x${txid}`));
    assert.is(source.identity, `memory://replica txid=${txid}`);
  }
});

test("a time is the last transaction at or before it, by what the files say themselves", async () => {
  const store = stored("small");
  const timeOf = async (txid: bigint): Promise<number> => (await open(store, txid)).timestampMs;
  for (const txid of [1n, 4n, 8n]) {
    const time = await timeOf(txid);
    assert.is((await open(store, new Date(time))).txid, txid);
    if (txid > 1n) assert.is((await open(store, new Date(time - 1))).txid, txid - 1n);
  }
  const late = new Date("2100-01-01T00:00:00Z");
  assert.is((await open(store, late)).txid, 8n);
  const error = await failure(open(store, new Date("2020-01-01T00:00:00Z")));
  assert.match(error.message, "it begins with TXID 1, 2026-11-22T21:21:50.991Z");
});

test("the times of the files themselves say where to look first, and may be wrong", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-"));
  try {
    for (const [index, { path, bytes }] of fixtureFiles("small").entries()) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
      await utimes(file, 1000 - index, 1000 - index); // backwards
    }
    const replica = new URL(`file://${folder}/small`);
    const at = new Date(1795382511975); // of transaction 4
    await using source = await litestream(replica, { at }).open();
    assert.match(source.identity, /txid=0000000000000004$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the layout of S3 is found where the other one has nothing", async () => {
  const store = new MemoryObjects();
  for (const { path, bytes } of fixtureFiles("small-levels")) {
    const [, , level = "", name] = path.split("/");
    store.objects.set(`${level.padStart(4, "0")}/${name}`, bytes);
  }
  await using source = await open(store);
  assert.is(source.txid, 8n);
  const error = await failure(litestream(store, { layout: "ltx" }).open());
  assert.match(error.message, "no LTX files");
});

test("what is not there says so", async () => {
  const error = await failure(litestream("file:///nowhere/at/all").open());
  assert.is(error.code, "SOURCE_NOT_FOUND");
  assert.match(error.message, "no LTX files");
});

test("files of other names are left alone", async () => {
  const store = stored("small");
  store.objects.set("ltx/0/0000000000000009-0000000000000009.ltx.tmp", new Uint8Array(10));
  store.objects.set("ltx/0/README", new Uint8Array(10));
  await using source = await open(store);
  assert.is(source.txid, 8n);
});

test("pages that are in no file are named", async () => {
  const error = await failure(open(stored("small-gap")));
  assert.is(error.code, "CORRUPT");
  assert.match(error.message, "pages 25 to 43 are in no file up to TXID 8");
  await using source = await open(stored("small-gap"), 7n);
  assert.is(source.size, 24 * 4096);
});

test("files that vanish between the list and the read are made up for by others", async () => {
  const store = stored("small-levels");
  const [, , ...older] = fixtureFiles("small");
  for (const { path, bytes } of older) {
    if (/000[456]\.ltx$/.test(path)) store.objects.set(path.slice("small/".length), bytes);
  }
  const compacted = "ltx/1/0000000000000004-0000000000000006.ltx";
  const bytes = store.objects.get(compacted) ?? new Uint8Array(0);
  store.objects.delete(compacted);
  let isMoved = false;
  store.answering = ({ kind }) => {
    if (kind !== "read" || isMoved) return;
    isMoved = true;
    for (const txid of [4, 5, 6]) {
      store.objects.delete(`ltx/0/000000000000000${txid}-000000000000000${txid}.ltx`);
    }
    store.objects.set(compacted, bytes);
  };
  await using source = await open(store);
  assert.is(source.txid, 8n);
  assert.is(source.size, 55 * 4096);
});

test("files that vanish again and again end in an error, not in a loop", async () => {
  const store = stored("small");
  let listings = 0;
  store.answering = ({ kind, key }) => {
    if (kind === "list" && key === "ltx/0/") {
      listings += 1;
      // Another one each time, so that no two lists are the same.
      store.objects.set(`ltx/3/00000000000000ff-00000000000001${listings}0.ltx`, new Uint8Array(9));
    }
    if (kind === "read") throw new HeadwaterError("SOURCE_NOT_FOUND", `${key} is gone`);
  };
  const error = await failure(open(store, 8n));
  assert.is(error.code, "SOURCE_NOT_FOUND");
  assert.is(listings, 5);
});

test("a request that fails and may be tried again is tried again", async () => {
  const store = stored("small");
  const failed = new Set<string>();
  store.answering = ({ key }) => {
    if (failed.has(key)) return;
    failed.add(key);
    throw new HeadwaterError("SOURCE_FAILED", "not now", { retryable: true });
  };
  await using source = await open(store);
  assert.is(source.txid, 8n);
});

test("a damaged file is named, with what is wrong", async () => {
  const name = "ltx/0/0000000000000005-0000000000000005.ltx";
  const damages: [change: (bytes: Uint8Array) => Uint8Array, message: string][] = [
    [(bytes) => bytes.fill(0, 0, 4), "not an LTX file"],
    [(bytes) => bytes.subarray(0, 50), "50 bytes are no LTX file"],
    [(bytes) => bytes.subarray(0, 4000), "index"],
    [(bytes) => bytes.fill(255, bytes.length - 24, bytes.length - 16), "index"],
    [(bytes) => bytes.fill(9, 31, 32), "not of those in its name"],
  ];
  for (const [change, message] of damages) {
    const store = stored("small");
    store.objects.set(name, change((store.objects.get(name) ?? new Uint8Array(0)).slice()));
    const error = await failure(open(store));
    assert.is(error.code, "CORRUPT");
    assert.match(error.message, name);
    assert.match(error.message, message);
  }
});

test("an opening can be aborted", async () => {
  const store = stored("small");
  const reason = new Error("enough");
  const controller = new AbortController();
  const opening = litestream(store).open({ signal: controller.signal });
  controller.abort(reason);
  assert.is(await rejection(opening), reason);
});

test("options and URLs that make no sense are refused", () => {
  for (const at of [0n, -1n, 1n << 64n, new Date("nonsense")]) {
    assert.throws(() => litestream("file:///x", { at }), /at is/);
  }
  assert.throws(
    () => litestream("not a url?secret"),
    (error: Error) => {
      return error instanceof TypeError && !error.message.includes("secret");
    },
  );
  assert.throws(() => litestream("ftp://host/x"), "no store for ftp: URLs");
});

test("an opener recognizes its own replica at any transaction, and no other", () => {
  const opener = litestream("https://user:secret@host/app.db/?token=x");
  assert.is(opener.recognizes("https://host/app.db txid=0000000000000001"), true);
  assert.is(opener.recognizes("https://host/other.db txid=0000000000000001"), false);
  assert.is(opener.recognizes("https://host/app.db etag=x size=1"), false);
});

test("what is known is opened at its own transaction, and at the newest where that is gone", async () => {
  const store = stored("small");
  const known = { identity: "memory://replica txid=0000000000000005", size: 43 * 4096 };
  await using source = await litestream(store).open({ known });
  assert.is(source.identity, known.identity);
  await using later = await litestream(stored("small-levels")).open({ known });
  assert.is(later.identity, "memory://replica txid=0000000000000008");
});

test("files as objects: listed in parts, read, put whole or not at all", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-objects-"));
  try {
    await using store = new FileStore(folder);
    assert.equal(await store.list("ltx/0/", ""), { objects: [], next: undefined });
    const bytes = Uint8Array.of(1, 2, 3, 4);
    await store.put("ltx/0/b", bytes);
    await store.put("ltx/0/a", bytes, { ifAbsent: true });
    assert.is((await failure(store.put("ltx/0/a", bytes, { ifAbsent: true }))).code, "EXISTS");
    await store.put("ltx/0/a", Uint8Array.of(5));
    const { objects } = await store.list("ltx/0/", "");
    assert.equal(
      objects.map(({ key, size }) => [key, size]),
      [
        ["ltx/0/a", 1],
        ["ltx/0/b", 4],
      ],
    );
    assert.is((await store.list("ltx/0/", "ltx/0/a")).objects.length, 1);
    const [one, other] = objects;
    if (one === undefined || other === undefined) throw new Error("not listed");
    assert.equal(await store.read(other, 1, 2), Uint8Array.of(2, 3));
    await store.put(one.key, bytes);
    assert.is((await failure(store.read(one, 0, 1))).code, "SOURCE_CHANGED");
    await rm(join(folder, other.key));
    assert.is((await failure(store.read(other, 0, 1))).code, "SOURCE_NOT_FOUND");
    await Promise.all(
      Array.from({ length: 1001 }, (_, index) => writeFile(join(folder, "ltx/0", `n${index}`), "")),
    );
    const first = await store.list("ltx/0/", "");
    assert.is(first.objects.length, 1000);
    assert.is((await store.list("ltx/0/", first.next ?? "")).objects.length, 2);
    await store.close();
    assert.is((await failure(store.list("ltx/0/", ""))).code, "CLOSED");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
