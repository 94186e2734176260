import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { ask } from "./question.ts";

export interface PlainDownload {
  readonly size: number;
  readonly downloadMs: number;
  /** Since the beginning of the download. */
  readonly answerMs: number;
  readonly answer: string;
  readonly sha256: string;
}

/** The usual way: fetch the whole file, then ask. */
export async function downloadAndAsk(url: string, path: string): Promise<PlainDownload> {
  const startedAt = performance.now();
  const { ok, status, body } = await fetch(url);
  if (!ok || body === null) throw new Error(`the server answered ${status}`);
  await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(path));
  const downloadMs = performance.now() - startedAt;
  await using file = await open(path);
  const { size } = await file.stat();
  const answer = await ask({
    size,
    read: async (offset, length) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return new Uint8Array(buffer.subarray(0, bytesRead));
    },
  });
  const answerMs = performance.now() - startedAt;
  return { size, downloadMs, answerMs, answer, sha256: await sha256Of(path) };
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("hex");
}
