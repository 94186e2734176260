// Serves a folder as object stores do, each response a while after its request:
//
//   node replica-origin.js FOLDER [--port N] [--latency-ms N]
//
// The same objects twice: as a bucket of S3 (ListObjectsV2, HEAD and ranged GET, no signature is
// checked), and as a web server that lists its folders in JSON, as nginx does. Everything is held
// in memory, so that what is measured is who asks.

import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

/** What is handed to a connection at once. */
const SLICE = 256 * 1024;
/** Objects in one part of a listing, as S3 has it. */
const MOST_KEYS = 1000;

interface StoredBytes {
  readonly bytes: Buffer;
  readonly modified: Date;
  readonly etag: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    "latency-ms": { type: "string", default: "0" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new TypeError("name the folder to serve");
const latencyMs = Number(values["latency-ms"]);
const counts = { requests: 0, bytes: 0, connections: 0 };
/** By the path of their URL, in ascending order. */
const objects = new Map(load(folder, "/"));

function load(path: string, prefix: string): [string, StoredBytes][] {
  const entries = readdirSync(path, { withFileTypes: true }).sort((one, other) =>
    one.name < other.name ? -1 : 1,
  );
  return entries.flatMap((entry): [string, StoredBytes][] => {
    const [from, key] = [join(path, entry.name), prefix + entry.name];
    if (entry.isDirectory()) return load(from, `${key}/`);
    const bytes = readFileSync(from);
    const modified = statSync(from).mtime;
    const etag = `"${bytes.length.toString(16)}-${modified.getTime().toString(16)}"`;
    return [[key, { bytes, modified, etag }]];
  });
}

/** The objects directly in a folder of the web server. */
function listing(path: string): string | undefined {
  const inside = [...objects].filter(([key]) => key.startsWith(path));
  if (inside.length === 0) return undefined;
  const names = inside.map(([key, { bytes, modified }]) => {
    const [name = "", ...more] = key.slice(path.length).split("/");
    const mtime = modified.toUTCString();
    if (more.length > 0) return { name, type: "directory", mtime };
    return { name, type: "file", mtime, size: bytes.length };
  });
  const byName = new Map(names.map((entry) => [entry.name, entry]));
  return JSON.stringify([...byName.values()]);
}

/** A part of a bucket's listing. The token that goes on is the last key of the part before. */
function bucketListing(bucket: string, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const most = Math.min(MOST_KEYS, Number(query.get("max-keys") ?? MOST_KEYS));
  const found = [...objects]
    .map(([path, stored]) => ({ key: path.slice(bucket.length + 1), path, stored }))
    .filter(({ path, key }) => path.startsWith(`${bucket}/`) && key.startsWith(prefix))
    .filter(({ key }) => key > after);
  const part = found.slice(0, most);
  const isTruncated = part.length < found.length;
  const contents = part.map(
    ({ key, stored: { bytes, modified, etag } }) =>
      `<Contents><Key>${key}</Key><LastModified>${modified.toISOString()}</LastModified>` +
      `<ETag>${etag.replaceAll('"', "&quot;")}</ETag><Size>${bytes.length}</Size>` +
      "<StorageClass>STANDARD</StorageClass></Contents>",
  );
  const next = isTruncated
    ? `<NextContinuationToken>${part.at(-1)?.key}</NextContinuationToken>`
    : "";
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>${bucket.slice(1)}</Name><Prefix>${prefix}</Prefix><KeyCount>${part.length}</KeyCount>` +
    `<MaxKeys>${most}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${next}` +
    `${contents.join("")}</ListBucketResult>`
  );
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  const bytes = Buffer.from(text);
  counts.bytes += bytes.length;
  response.writeHead(status, { "content-type": type, "content-length": bytes.length }).end(bytes);
}

function sendMissing(response: ServerResponse): void {
  const text = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>';
  sendText(response, 404, "application/xml", text);
}

/** Undefined where the whole is meant. */
function rangeOf(
  value: string | undefined,
  size: number,
): { first: number; end: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(value ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") return { first: Math.max(0, size - Number(to)), end: size };
  return { first: Number(from), end: to === "" ? size : Math.min(size, Number(to) + 1) };
}

async function sendObject(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { bytes, modified, etag }: StoredBytes,
): Promise<void> {
  const size = bytes.length;
  const range = rangeOf(headers.range, size);
  const { first, end } = range ?? { first: 0, end: size };
  if (headers["if-match"] !== undefined && headers["if-match"] !== etag) {
    response.writeHead(412, { "content-length": 0 }).end();
    return;
  }
  if (first >= end) {
    response.writeHead(416, { "content-range": `bytes */${size}`, "content-length": 0 }).end();
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    "accept-ranges": "bytes",
    etag,
    "last-modified": modified.toUTCString(),
    "content-type": "application/octet-stream",
    "content-length": end - first,
    ...(range && { "content-range": `bytes ${first}-${end - 1}/${size}` }),
  });
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  for (let at = first; at < end && method === "GET"; at += SLICE) {
    if (response.destroyed) return;
    const slice = bytes.subarray(at, Math.min(end, at + SLICE));
    counts.bytes += slice.length;
    if (!response.write(slice)) await once(response, "drain", { signal: gone.signal });
  }
  response.end();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://origin");
  if (pathname === "/__reset") Object.assign(counts, { requests: 0, bytes: 0, connections: 0 });
  if (pathname.startsWith("/__")) {
    response.end(JSON.stringify(counts));
    return;
  }
  counts.requests += 1;
  if (latencyMs > 0) await sleep(latencyMs);
  const path = decodeURIComponent(pathname);
  const stored = objects.get(path);
  if (stored !== undefined) return sendObject(request, response, stored);
  if (searchParams.get("list-type") === "2") {
    sendText(response, 200, "application/xml", bucketListing(path, searchParams));
    return;
  }
  const names = path.endsWith("/") ? listing(path) : undefined;
  if (names === undefined) sendMissing(response);
  else sendText(response, 200, "application/json", names);
}

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.on("connection", (socket) => {
  counts.connections += 1;
  socket.setNoDelay(true);
});
server.listen(Number(values.port), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`port ${port}\n`);
});
// Whoever started this has gone.
process.stdin.on("end", () => process.exit()).resume();
