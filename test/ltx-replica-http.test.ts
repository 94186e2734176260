import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { litestream } from "../adapters/ltx/index.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { startNginx } from "./nginx.ts";
import { failure } from "./rejection.ts";

const test = suite("Litestream replicas over HTTP");

/** The database of a fixture, read through files that are known to work. */
async function expected(replica: string): Promise<Uint8Array> {
  const folder = await folderWith(replica);
  try {
    await using source = await litestream(`file://${folder}/${replica}`).open();
    return await source.read(0, source.size);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function folderWith(replica: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-http-"));
  await chmod(folder, 0o755); // nginx may serve as another user
  for (const { path, bytes } of fixtureFiles(replica)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

test("a replica behind nginx, whose folders it lists in JSON", async () => {
  const folder = await folderWith("small-levels");
  const nginx = await startNginx(folder, `root ${folder}; autoindex on; autoindex_format json;`);
  try {
    if (nginx === undefined) return;
    await using source = await litestream(`${nginx.url}/small-levels`).open();
    assert.equal(await source.read(0, source.size), await expected("small-levels"));
    assert.is(source.identity, `${nginx.url}/small-levels txid=0000000000000008`);
    const error = await failure(litestream(`${nginx.url}/elsewhere`).open());
    assert.is(error.code, "SOURCE_NOT_FOUND");
  } finally {
    await nginx?.stop();
    await rm(folder, { recursive: true });
  }
});

test("a copy hydrates from nginx, and ends as the same file as one from the files", async () => {
  const folder = await folderWith("small-frame");
  const nginx = await startNginx(folder, `root ${folder}; autoindex on; autoindex_format json;`);
  try {
    if (nginx === undefined) return;
    const url = `${nginx.url}/small-frame/`;
    for (const wholeFileSize of [0, 2 ** 20]) {
      const file = join(folder, `db${wholeFileSize}`);
      const clone = await hydrate(litestream(url, { wholeFileSize }), file);
      await clone.hydrated();
      const { requests } = clone.stats();
      await clone.close();
      assert.equal(new Uint8Array(await readFile(file)), await expected("small-frame"));
      assert.is(requests, wholeFileSize === 0 ? requests : 18);
    }
  } finally {
    await nginx?.stop();
    await rm(folder, { recursive: true });
  }
});

test("a server that lists its folders for people, or not at all, says what it should do", async () => {
  for (const listing of ["autoindex on;", "autoindex off;"]) {
    const folder = await folderWith("small");
    const nginx = await startNginx(folder, `root ${folder}; ${listing}`);
    try {
      if (nginx === undefined) return;
      const error = await failure(litestream(`${nginx.url}/small`).open());
      assert.is(error.code, "SOURCE_FAILED");
      assert.match(error.message, "autoindex_format json");
    } finally {
      await nginx?.stop();
      await rm(folder, { recursive: true });
    }
  }
});

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  etag?: string,
) => void;

/** A server of one replica with an index file, and no listings. */
async function startServer(
  replica: string,
  answer: Answer = answerRange,
): Promise<{ url: string; requests: string[]; stop(): Promise<void> }> {
  const files = new Map<string, Uint8Array>();
  for (const { path, bytes } of fixtureFiles(replica)) {
    files.set(`/app.db/${path.slice(replica.length + 1)}`, bytes);
  }
  const index = [...files].map(([path, { length }]) => ({
    name: path.slice("/app.db/".length),
    size: length,
  }));
  files.set("/app.db/files.json", Buffer.from(JSON.stringify(index)));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "", "http://server");
    requests.push(pathname + search);
    const bytes = files.get(pathname);
    if (bytes !== undefined) answer(request, response, bytes);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/app.db?token=secret`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function answerRange(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  etag = '"1"',
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  if (first === undefined) {
    response.end(bytes);
    return;
  }
  const part = bytes.subarray(Number(first), Number(last) + 1);
  const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
  response.writeHead(206, { "content-range": range, "content-length": part.length, etag });
  response.end(part);
}

test("an index file stands for listings, and is asked for once", async () => {
  const server = await startServer("small");
  try {
    const options = { http: { index: "files.json" } };
    await using source = await litestream(server.url, options).open();
    assert.equal(await source.read(0, source.size), await expected("small"));
    assert.not(source.identity.includes("secret"));
    assert.is(server.requests.filter((path) => path.includes("files.json")).length, 1);
    assert.is(server.requests.length, 9);
    assert.ok(server.requests.every((path) => path.endsWith("?token=secret")));
  } finally {
    await server.stop();
  }
});

test("an object that is replaced while it is read is noticed", async () => {
  let version = 1;
  const server = await startServer("small", (request, response, bytes) => {
    answerRange(request, response, bytes, `"${version}"`);
    version += 1;
  });
  try {
    const { HttpStore } = await import("../adapters/ltx/http-store.ts");
    await using store = new HttpStore(server.url, { index: "files.json" });
    const [object] = (await store.list("ltx/0/", "")).objects;
    if (object === undefined) throw new Error("not listed");
    assert.is((await store.read(object, 0, 100)).length, 100);
    for (let reads = 0; reads < 3; reads += 1) {
      assert.is((await failure(store.read(object, 0, 100))).code, "SOURCE_CHANGED");
    }
    const [again] = (await store.list("ltx/0/", "")).objects;
    if (again === undefined) throw new Error("not listed");
    assert.is((await store.read(again, 0, 100)).length, 100);
    assert.is((await failure(store.read({ ...again, size: 7 }, 0, 5))).code, "SOURCE_CHANGED");
  } finally {
    await server.stop();
  }
});

test("a server that fails now and then is asked again; one without ranges is refused", async () => {
  let count = 0;
  const server = await startServer("small", (request, response, bytes) => {
    count += 1;
    if (count % 3 === 0) response.writeHead(503).end();
    else answerRange(request, response, bytes);
  });
  try {
    const options = { http: { index: "files.json" } };
    await using source = await litestream(server.url, options).open();
    assert.equal(await source.read(0, source.size), await expected("small"));
  } finally {
    await server.stop();
  }
  const whole = await startServer("small", (_, response, bytes) => void response.end(bytes));
  try {
    const { HttpStore } = await import("../adapters/ltx/http-store.ts");
    await using store = new HttpStore(whole.url, { index: "files.json" });
    const [object] = (await store.list("ltx/0/", "")).objects;
    if (object === undefined) throw new Error("not listed");
    assert.is((await failure(store.read(object, 0, 100))).code, "RANGE_UNSUPPORTED");
  } finally {
    await whole.stop();
  }
});

test.run();
