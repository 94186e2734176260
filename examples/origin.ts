// A small file server that answers late and sends slowly, like one that is far away.
//
//   node dist/examples/origin.js FILE [--latency-ms 30] [--bytes-per-second 4000000]
//
// It prints the URL of the file. A parent process that gave it a channel is told its counts.
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

/** What the origin sent, by its own count: bytes of bodies only. */
export interface OriginCounts {
  readonly requests: number;
  readonly bytes: number;
}

/** Sent at once, in bytes. */
const SLICE_SIZE = 16 * 2 ** 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "latency-ms": { type: "string", default: "0" },
    "bytes-per-second": { type: "string", default: "0" },
  },
});
const path = positionals[0];
if (path === undefined) throw new TypeError("name the file to serve");
const latencyMs = Number(values["latency-ms"]);
const bytesPerSecond = Number(values["bytes-per-second"]);

const file = await open(path, "r");
const { size, mtimeMs } = await file.stat();
const etag = `"${size.toString(16)}-${Math.floor(mtimeMs).toString(16)}"`;
const counts = { requests: 0, bytes: 0 };
let linkFreeAt = 0;

/** Waits for the turn of so many bytes on the one link that all responses share. */
async function takeTurn(byteCount: number): Promise<void> {
  if (bytesPerSecond === 0) return;
  const now = performance.now();
  linkFreeAt = Math.max(linkFreeAt, now) + (byteCount / bytesPerSecond) * 1000;
  if (linkFreeAt > now) await sleep(linkFreeAt - now);
}

/** From `first` to before `end`; undefined when no part, or more than one, is asked for. */
function parseRange(header: string | undefined): { first: number; end: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") return { first: Math.max(0, size - Number(to)), end: size };
  return { first: Number(from), end: to === "" ? size : Math.min(size, Number(to) + 1) };
}

async function sendBody(
  body: FileHandle,
  response: ServerResponse,
  first: number,
  end: number,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  for (let offset = first; offset < end; offset += SLICE_SIZE) {
    const length = Math.min(SLICE_SIZE, end - offset);
    await takeTurn(length);
    if (response.destroyed) return;
    const { buffer } = await body.read(Buffer.alloc(length), 0, length, offset);
    counts.bytes += length;
    if (!response.write(buffer)) await once(response, "drain", { signal: gone.signal });
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  counts.requests += 1;
  await sleep(latencyMs);
  const { "if-match": ifMatch, range } = request.headers;
  const part = parseRange(range);
  if (ifMatch !== undefined && ifMatch !== etag) {
    response.writeHead(412).end();
  } else if (part !== undefined && part.first >= Math.max(1, part.end)) {
    response.writeHead(416, { "content-range": `bytes */${size}` }).end();
  } else {
    const { first, end } = part ?? { first: 0, end: size };
    const contentRange = { "content-range": `bytes ${first}-${end - 1}/${size}` };
    const headers = { etag, "accept-ranges": "bytes", "content-length": end - first };
    response.writeHead(part ? 206 : 200, part ? { ...headers, ...contentRange } : headers);
    if (request.method !== "HEAD") await sendBody(file, response, first, end);
    response.end();
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}/${encodeURIComponent(basename(path))}`;
process.on("message", () => process.send?.(counts));
process.once("disconnect", () => process.exit());
if (process.send === undefined) console.log(url);
else process.send(url);
