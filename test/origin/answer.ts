import { STATUS_CODES } from "node:http";
import { type OriginRequest, parseRange } from "./request.ts";
import type { Behaviour } from "./rules.ts";

/** An answer, all but its bytes. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the blob, from here; or a text. */
  readonly body: { readonly offset: number; readonly length: number } | string;
  readonly seed: number;
}

/** The version of the bytes that a blob of this seed has from `version` on. */
export function seedOf(seed: number, version: number): number {
  return seed + version * 7919;
}

/** What a good server answers, changed by what the behaviour says. */
export function answerTo(request: OriginRequest, behaviour: Behaviour): Answer {
  const query = request.url.searchParams;
  const size = behaviour.size ?? Number(query.get("size") ?? 2 ** 20);
  const version = behaviour.version ?? 0;
  const seed = Number(query.get("seed") ?? 1);
  const state = validatorsOf(seed, size, version, behaviour);
  const plain = plainAnswer(request, behaviour, size, state);
  const { length } = plain.body;
  const headers: Record<string, string | null> = {
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    ...(state.etag === null ? {} : { etag: state.etag }),
    ...(state.lastModified === null ? {} : { "last-modified": state.lastModified }),
    ...plain.headers,
    ...(behaviour.chunked
      ? { "transfer-encoding": "chunked" }
      : { "content-length": `${length + (behaviour.surplus ?? 0)}` }),
    ...behaviour.headers,
  };
  const kept = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== null);
  return { ...plain, headers: Object.fromEntries(kept), seed: seedOf(seed, version) };
}

/** The line and headers as they go out. */
export function headOf({ status, headers }: Answer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unnamed"}\r\n${lines.join("")}\r\n`;
}

interface State {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

type PlainAnswer = Pick<Answer, "status" | "headers" | "body">;

function validatorsOf(seed: number, size: number, version: number, behaviour: Behaviour): State {
  const { etag, lastModified } = behaviour;
  const date = new Date(Date.UTC(2024, 0, 2) + version * 1000).toUTCString();
  return {
    etag: etag === undefined ? `"${seed}-${size}-${version}"` : etag,
    lastModified: lastModified === undefined ? date : lastModified,
  };
}

function plainAnswer(
  request: OriginRequest,
  behaviour: Behaviour,
  size: number,
  state: State,
): PlainAnswer {
  const { redirect, status } = behaviour;
  if (redirect !== undefined) return text(status ?? 302, { location: redirect });
  if (status !== undefined) return text(status);
  if (!behaviour.ignorePreconditions && !holds(request, state)) return text(412);
  const range = behaviour.ignoreRange ? undefined : parseRange(request.headers.range);
  if (range === undefined) return { status: 200, headers: {}, body: { offset: 0, length: size } };

  const start = "suffix" in range ? Math.max(0, size - range.suffix) : range.start;
  const end = "suffix" in range ? size - 1 : Math.min(range.end, size - 1);
  if (start > end) return text(416, { "content-range": `bytes */${size}` });
  const claim = { start, end, total: size, ...behaviour.claim };
  return {
    status: 206,
    headers: { "content-range": `bytes ${claim.start}-${claim.end}/${claim.total}` },
    body: { offset: start, length: end - start + 1 },
  };
}

function text(status: number, headers: Record<string, string> = {}): PlainAnswer {
  return { status, headers, body: `${status} ${STATUS_CODES[status] ?? ""}\n` };
}

/** RFC 9110 section 13.2.2, as far as a GET of a part needs it. A weak ETag never matches. */
function holds({ headers }: OriginRequest, { etag, lastModified }: State): boolean {
  const match = headers["if-match"];
  if (match !== undefined) return match === etag && !match.startsWith("W/");
  const since = headers["if-unmodified-since"];
  if (since === undefined || lastModified === null) return true;
  return Date.parse(lastModified) <= Date.parse(since);
}
