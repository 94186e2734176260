import {
  type Answer,
  answerTo,
  bodyOf,
  type HeaderOf,
  type ServedBlob,
} from "../range-answer/index.ts";
import { type ReadableBlob, streamOf } from "../streams/index.ts";

/** The global `fetch`, or one like it. */
export type Fetch = typeof globalThis.fetch;

export interface FetchFromOptions {
  /** What is asked for everything else. Default: the global `fetch`, as it is then. */
  readonly fallback?: Fetch;
  /** Ranges in one request at most; more are answered with 416. Default 64. */
  readonly maxRanges?: number;
}

/** Clones by URL, or what finds one: a function that returns undefined for what is not ours. */
export type BlobsByUrl =
  | Readonly<Record<string, ReadableBlob | ServedBlob>>
  | ReadonlyMap<string, ReadableBlob | ServedBlob>
  | ((url: URL) => ReadableBlob | ServedBlob | undefined);

/**
 * A `fetch` that answers GET and HEAD of these URLs from the clones, with ranges and conditions as a
 * server would, and passes everything else on unchanged. URLs are compared whole, but for their
 * fragment.
 *
 * @throws {TypeError} when a URL is none.
 */
export function fetchFrom(blobs: BlobsByUrl, options: FetchFromOptions = {}): Fetch {
  const { fallback, maxRanges = 64 } = options;
  const find = finderOf(blobs);
  return async (input, init) => {
    const request = typeof input === "object" && "url" in input ? input : undefined;
    const text = request?.url ?? String(input);
    const asked = init?.method ?? request?.method ?? "GET";
    const method = asked.toUpperCase();
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isRead = method === "GET" || method === "HEAD";
    const found = isRead && url !== undefined ? find(url) : undefined;
    if (found === undefined || url === undefined || !isRead) {
      return await (fallback ?? globalThis.fetch)(input, init);
    }
    // Whatever shape the headers and the signal have, and whatever fetch would refuse.
    const { headers, signal } = new Request(input, init);
    signal.throwIfAborted();
    const served = "read" in found ? { blob: found } : found;
    const header: HeaderOf = (name) => headers.get(name) ?? undefined;
    const answer = answerTo({ method, header, maxRanges }, served);
    return await responseOf(answer, served, url, signal);
  };
}

async function responseOf(
  answer: Answer,
  served: ServedBlob,
  url: URL,
  signal: AbortSignal,
): Promise<Response> {
  const stream = streamOf((ended) => bodyOf(answer, served, ended), signal);
  // An answer without a body has none, not an empty one.
  const isEmpty = answer.body.length === 0;
  if (isEmpty) await stream.cancel();
  const response = new Response(isEmpty ? null : stream, {
    status: answer.status,
    headers: { ...answer.headers },
  });
  url.hash = "";
  return Object.defineProperty(response, "url", { value: url.href });
}

function finderOf(blobs: BlobsByUrl): (url: URL) => ReadableBlob | ServedBlob | undefined {
  if (typeof blobs === "function") return blobs;
  const pairs = blobs instanceof Map ? [...blobs] : Object.entries(blobs);
  const byUrl = new Map(pairs.map(([url, blob]) => [withoutFragment(new URL(url)), blob]));
  return (url) => byUrl.get(withoutFragment(url));
}

function withoutFragment(url: URL): string {
  return url.href.replace(/#.*$/s, "");
}
