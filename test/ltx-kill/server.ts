/**
 * A web server of a replica, in a process of its own: it lists folders as nginx does in JSON, and
 * serves ranges of files over one link of a given rate. Orders come over IPC, and it ends with the
 * channel. Its port is one line on stdout.
 */
import { once } from "node:events";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Pace } from "../origin/connection.ts";

/** What it is told. Each order is answered with what was served so far. */
export interface Order {
  readonly id: number;
  /** The folder that is served from now on. */
  readonly root?: string;
  /** Of all connections together; 0 is without limit. */
  readonly bytesPerSecond?: number;
  /** What was served so far is forgotten. */
  readonly reset?: boolean;
  /** `passed` is sent once so many bytes were served. */
  readonly alarm?: number;
}

/** The answer to an order, or that so many bytes were served as an alarm asked for. */
export interface Report {
  readonly id: number | "passed";
  readonly bytes: number;
  readonly requests: number;
}

const PIECE_SIZE = 32 * 2 ** 10;

const link = new Pace();
let root = "";
let bytesPerSecond = 0;
let served = { bytes: 0, requests: 0 };
let alarm = Number.POSITIVE_INFINITY;

function obey(order: Order): void {
  if (order.root !== undefined) root = order.root;
  if (order.bytesPerSecond !== undefined) bytesPerSecond = order.bytesPerSecond;
  if (order.reset) served = { bytes: 0, requests: 0 };
  if (order.alarm !== undefined) alarm = order.alarm;
  tell(order.id);
  count(0);
}

function tell(id: Report["id"]): void {
  const report: Report = { id, ...served };
  process.send?.(report);
}

function count(bytes: number): void {
  served.bytes += bytes;
  if (served.bytes < alarm) return;
  alarm = Number.POSITIVE_INFINITY;
  tell("passed");
}

/** A folder as nginx lists it. */
async function listing(folder: string): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const { size, mtime } = await stat(join(folder, entry.name));
    const type = entry.isDirectory() ? "directory" : "file";
    return { name: entry.name, type, mtime: mtime.toUTCString(), size };
  });
  return JSON.stringify(await Promise.all(lines));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = join(root, decodeURIComponent(new URL(request.url ?? "", "http://x").pathname));
  served.requests += 1;
  if (path.endsWith("/")) {
    const text = await listing(path);
    count(text.length);
    response.end(text);
    return;
  }
  const file = await open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    const [, first = 0, last = size - 1] = (
      /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? []
    ).map(Number);
    const end = Math.min(last, size - 1) + 1;
    response.writeHead(206, {
      "content-range": `bytes ${first}-${end - 1}/${size}`,
      "content-length": end - first,
      etag: `"${mtimeMs.toString(36)}-${size}"`,
    });
    await pipeline(piecesOf(file, first, end), response);
  } finally {
    await file.close();
  }
}

async function* piecesOf(file: FileHandle, from: number, end: number): AsyncGenerator<Buffer> {
  for (let at = from; at < end; ) {
    const piece = Buffer.alloc(Math.min(PIECE_SIZE, end - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    await link.take(bytesRead, bytesPerSecond === 0 ? undefined : bytesPerSecond);
    count(bytesRead);
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}

const server = createServer((request, response) => {
  response.on("error", () => {}); // whoever asks may be killed at any time
  answer(request, response).catch((error) => {
    if (response.headersSent || error.code !== "ENOENT") response.destroy();
    else response.writeHead(404).end();
  });
});
server.on("connection", (socket) => socket.setNoDelay(true));
server.keepAliveTimeout = 60_000;
process.on("message", obey);
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
