import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HeadwaterError, isHeadwaterError, messageOf } from "../../lib/index.ts";
import { type AnswerRequest, answerTo, bodyOf, type ServedBlob } from "../range-answer/index.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Gate } from "./gate.ts";
import type { HttpLimits } from "./limits.ts";

/** What every exchange needs. */
export interface HttpService {
  readonly blobs: BlobTable;
  readonly gate: Gate;
  readonly limits: Required<HttpLimits>;
  readonly counters: { requests: number; bytesSent: number; failures: number };
}

const METHODS = "GET, HEAD, OPTIONS";
const REQUEST_HEADERS =
  "range, if-range, if-match, if-none-match, if-modified-since, if-unmodified-since";

/** Answers one request, to its end. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  service: HttpService,
): Promise<void> {
  const { method = "" } = request;
  request.resume(); // a body is of no use here
  const admitted = service.gate.judge(request);
  if ("status" in admitted) {
    refuse(response, admitted.status, admitted.message);
    return;
  }
  for (const [name, value] of Object.entries(admitted.headers)) response.setHeader(name, value);
  if (method === "OPTIONS") {
    allow(request, response);
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", METHODS);
    refuse(response, 405, `there is nothing to ${method} here`);
    return;
  }
  const served = service.blobs.find(admitted.path);
  if (served === undefined) {
    refuse(response, 404, "there is no such blob here");
    return;
  }
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const { maxRanges } = service.limits;
  await answer({ method, header, maxRanges }, response, served, service);
}

/** What a page's browser asks before it lets the page ask. */
function allow(request: IncomingMessage, response: ServerResponse): void {
  const headers: Record<string, string> = { allow: METHODS };
  if (request.headers["access-control-request-method"] !== undefined) {
    headers["access-control-allow-methods"] = METHODS;
    headers["access-control-allow-headers"] = REQUEST_HEADERS;
    headers["access-control-max-age"] = "600";
  }
  if (request.headers["access-control-request-private-network"] === "true") {
    headers["access-control-allow-private-network"] = "true";
  }
  response.writeHead(204, headers).end();
}

async function answer(
  request: AnswerRequest,
  response: ServerResponse,
  served: ServedBlob,
  { limits, counters }: HttpService,
): Promise<void> {
  const left = new AbortController();
  response.once("close", () => left.abort(new HeadwaterError("CLOSED", "the client has left")));
  try {
    const said = answerTo(request, served);
    const body = bodyOf(said, served, left.signal);
    // What cannot be read at all can still be answered with the reason.
    let next = await body.next();
    response.writeHead(said.status, said.headers);
    for (; next.done !== true; next = await body.next()) {
      counters.bytesSent += next.value.length;
      if (!response.write(next.value)) await drained(response, limits.stallTimeoutMs);
    }
    response.end();
  } catch (error) {
    if (left.signal.aborted) return;
    counters.failures += 1;
    if (response.headersSent) response.destroy();
    else refuse(response, statusOf(error), messageOf(error));
  }
}

/** Rejects when the client has taken nothing for so long, or has left. */
async function drained(response: ServerResponse, stallTimeoutMs: number): Promise<void> {
  const late = new AbortController();
  const stop = (): void => late.abort();
  const timer = setTimeout(() => {
    response.destroy();
    stop();
  }, stallTimeoutMs);
  response.once("close", stop);
  try {
    await once(response, "drain", { signal: late.signal });
  } finally {
    clearTimeout(timer);
    response.off("close", stop);
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const text = `${message}\n`;
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

function statusOf(error: unknown): number {
  if (isHeadwaterError(error, "CLOSED")) return 503;
  if (isHeadwaterError(error, "TIMEOUT")) return 504;
  return isHeadwaterError(error) && /^(SOURCE|RANGE|SHORT|SIZE)_/.test(error.code) ? 502 : 500;
}
