import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { type ByteRange, HeadwaterError } from "../../lib/index.ts";

/** What one GetObject brought, as far as it says. */
export interface Part {
  readonly range: ByteRange;
  /** Of the whole object. */
  readonly size: number;
  /** With its quotes. */
  readonly etag: string | undefined;
}

/** @throws {HeadwaterError} `SOURCE_FAILED` when the response does not say which part it brings. */
export function partOf(response: GetObjectCommandOutput, name: string): Part {
  const { ContentRange: header, ContentLength: length, ETag: etag } = response;
  if (header === undefined && length !== undefined) {
    return { range: { offset: 0, length }, size: length, etag };
  }
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header ?? "") ?? [];
  const offset = Number(first);
  const size = Number(total);
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(offset)) {
    const message = `${name} does not say which part it sends (Content-Range: ${header})`;
    throw new HeadwaterError("SOURCE_FAILED", message, { retryable: true });
  }
  return { range: { offset, length: Number(last) - offset + 1 }, size, etag };
}

/** The pieces of a body as they come; `stallTimeoutMs` without one ends it. */
export async function* piecesOf(
  response: GetObjectCommandOutput,
  name: string,
  stallTimeoutMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const body = response.Body as AsyncIterable<Uint8Array> & { destroy(error?: Error): void };
  let timer: NodeJS.Timeout | undefined;
  const time = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const message = `${name} stopped sending: nothing came in ${stallTimeoutMs} ms`;
      body.destroy(new HeadwaterError("TIMEOUT", message, { retryable: true }));
    }, stallTimeoutMs);
  };
  try {
    time();
    for await (const piece of body) {
      clearTimeout(timer); // it is the reader whom we wait for now
      yield piece;
      time();
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
}
