// The origin for a machine without a C compiler: the same words, answers and counts as `origin.c`,
// at more CPU and a coarser pace.
//
//   node node-origin.js FILE [--port N] [--size BYTES] [--latency-ms N] [--connection-rate N]
//     [--link-rate N]

import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const SLICE = 64 * 1024;
/** What a late turn may make up for. */
const BURST_MS = 4;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    size: { type: "string", default: "Infinity" },
    "latency-ms": { type: "string", default: "0" },
    "connection-rate": { type: "string", default: "0" },
    "link-rate": { type: "string", default: "0" },
  },
});
const path = positionals[0];
if (path === undefined) throw new TypeError("name the file to serve");
const file = statSync(path);
const size = Math.min(file.size, Number(values.size));
const etag = `"${size.toString(16)}-${Math.floor(file.mtimeMs / 1000).toString(16)}"`;
const latencyMs = Number(values["latency-ms"]);
const counts = { requests: 0, bytes: 0, connections: 0 };

/** A queue of times: `take` waits until so many bytes may leave. */
class Pace {
  readonly #bytesPerMs: number;
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  async take(length: number): Promise<void> {
    if (this.#bytesPerMs === 0) return;
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now - BURST_MS) + length / this.#bytesPerMs;
    if (this.#freeAt > now) await sleep(this.#freeAt - now);
  }
}

const link = new Pace(Number(values["link-rate"]));

/** The part asked for; `partial` is false where the whole is to be sent. */
function parseRange(value: string | undefined): { first: number; end: number; partial: boolean } {
  const match = /^bytes=(\d*)-(\d*)$/.exec(value ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (from === "" && to === "") return { first: 0, end: size, partial: false };
  if (from === "") return { first: Math.max(0, size - Number(to)), end: size, partial: true };
  const end = to === "" ? size : Math.min(size, Number(to) + 1);
  return { first: Number(from), end, partial: true };
}

async function sendBody(response: ServerResponse, first: number, end: number): Promise<void> {
  const connection = new Pace(Number(values["connection-rate"]));
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const body = createReadStream(path ?? "", { start: first, end: end - 1, highWaterMark: SLICE });
  for await (const piece of body as AsyncIterable<Buffer>) {
    await connection.take(piece.length);
    await link.take(piece.length);
    if (response.destroyed) return;
    counts.bytes += piece.length;
    if (!response.write(piece)) await once(response, "drain", { signal: gone.signal });
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "", headers } = request;
  if (url === "/__reset") Object.assign(counts, { requests: 0, bytes: 0, connections: 0 });
  if (url.startsWith("/__")) {
    response.end(JSON.stringify(counts));
    return;
  }
  counts.requests++;
  if (latencyMs > 0) await sleep(latencyMs);

  const ifMatch = headers["if-match"];
  const ifRange = headers["if-range"];
  const { first, end, partial } = parseRange(
    ifRange === undefined || ifRange === etag ? headers.range : undefined,
  );
  const about = {
    "accept-ranges": "bytes",
    etag,
    "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
    "content-type": "application/octet-stream",
  };
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD", "content-length": 0 }).end();
  } else if (ifMatch !== undefined && ifMatch !== etag && ifMatch !== "*") {
    response.writeHead(412, { "content-length": 0 }).end();
  } else if (partial && first >= size) {
    response.writeHead(416, { "content-range": `bytes */${size}`, "content-length": 0 }).end();
  } else {
    response.writeHead(partial ? 206 : 200, {
      ...about,
      "content-length": end - first,
      ...(partial ? { "content-range": `bytes ${first}-${end - 1}/${size}` } : {}),
    });
    response.flushHeaders();
    if (method === "GET" && end > first) await sendBody(response, first, end);
    response.end();
  }
}

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.on("connection", (socket) => {
  counts.connections++;
  socket.setNoDelay(true);
});
server.listen(Number(values.port), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`port ${port}\n`);
});
// Whoever started this has gone.
process.stdin.on("end", () => process.exit()).resume();
