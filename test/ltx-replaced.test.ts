import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { litestream } from "../adapters/ltx/index.ts";
import { History, keyOf, makePages } from "./ltx-history.ts";
import { failure } from "./rejection.ts";

const test = suite("Litestream replicas whose files are replaced");

const PAGE = 1024;
const PAGES = 4000;

/** @param mask of each byte: with any one the file has the same size. */
async function history(mask: number): Promise<History> {
  const made = new History(PAGE);
  const pages = Object.entries(makePages(PAGE, 1, PAGES, 1));
  const masked = pages.map(([pgno, page]) => [pgno, page.map((byte) => byte ^ mask)] as const);
  await made.commit(PAGES, Object.fromEntries(masked));
  return made;
}

/** Serves a replica, with versions that are told by a number. */
class Server {
  objects: ReadonlyMap<string, Uint8Array>;
  version = 1;
  readonly #server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    if (path.endsWith("/")) {
      const names = [...this.objects].filter(([key]) => key.startsWith(path));
      const mtime = new Date(1_700_000_000_000 + 1000 * this.version).toUTCString();
      const list = names.map(([key, { length }]) => {
        return { name: key.slice(path.length), type: "file", size: length, mtime };
      });
      response.end(JSON.stringify(list));
      return;
    }
    const bytes = this.objects.get(path) ?? new Uint8Array();
    const [, first = 0, last = 0] = (
      /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? []
    ).map(Number);
    response.writeHead(206, {
      "content-range": `bytes ${first}-${last}/${bytes.length}`,
      etag: `"${this.version}"`,
    });
    response.end(bytes.subarray(first, last + 1));
  });

  constructor(objects: ReadonlyMap<string, Uint8Array>) {
    this.objects = objects;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Reads the beginning, lets something happen, and hydrates the rest. */
async function hydrateAround(url: string, happen: () => void): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-replaced-"));
  const file = join(folder, "db");
  // Little at once, so that what is fetched ahead is fetched by requests that nobody waits for.
  const options = { regionSize: 4096, hydrationThreshold: 32 };
  const clone = await hydrate(litestream(url, { wholeFileSize: 0 }), file, options);
  try {
    await clone.read(0, 100 * PAGE);
    happen();
    await clone.hydrated();
    return await readFile(file);
  } finally {
    await clone.close();
    await rm(folder, { recursive: true });
  }
}

test("a file that was copied, and is the same, is read on", async () => {
  const { store, newest } = await history(0);
  const server = new Server(store.objects);
  const url = await server.listen();
  try {
    const found = await hydrateAround(url, () => {
      server.version += 1;
    });
    assert.is(Buffer.compare(found, newest), 0);
  } finally {
    await server.close();
  }
});

test("a file of the same name and size, but of another database, is not mixed with the first", async () => {
  const { store } = await history(0);
  const other = await history(255);
  const key = keyOf(0, 1, 1);
  assert.is(store.objects.get(key)?.length, other.store.objects.get(key)?.length);
  const server = new Server(store.objects);
  const url = await server.listen();
  try {
    const work = hydrateAround(url, () => {
      server.version += 1;
      server.objects = other.store.objects;
    });
    const error = await failure(work);
    assert.is(error.code, "STALLED");
    assert.match(error.message, `${key} was replaced by a file of another database`);
  } finally {
    await server.close();
  }
});

test.run();
