import { STATUS_CODES } from "node:http";
import type { HeadwaterErrorCode } from "../../lib/index.ts";
import type { Exchange } from "./exchange.ts";
import { type Asked, failure, statusFailure } from "./failures.ts";
import type { ResponseHead } from "./response-head.ts";

/** A response that is neither the bytes nor a redirect. */
export interface HttpRefusal extends ResponseHead {
  /** The beginning of its body, up to 16 KiB. */
  readonly body: string;
}

/** What a refusal means. */
export interface HttpExplanation {
  /** Goes on after "answered 403 Forbidden: ". Without a secret. */
  readonly message: string;
  /** Default: what the status means. */
  readonly code?: HeadwaterErrorCode;
  /** Whether the same request may succeed later. Default: what the status means. */
  readonly retryable?: boolean;
}

/**
 * Undefined leaves it to the status. It is not asked about 412 and 416, which the source settles by
 * itself.
 */
export type HttpExplain = (refusal: HttpRefusal) => HttpExplanation | undefined;

const BODY_LIMIT: number = 2 ** 14;

export function isRefusal({ status }: ResponseHead): boolean {
  return status >= 300 && status !== 412 && status !== 416;
}

/** The failure that a refusal is. Its body is read as far as it says something. */
export async function explainRefusal(
  exchange: Exchange,
  head: ResponseHead,
  asked: Asked,
  explain: HttpExplain,
): Promise<Error> {
  const usual = statusFailure(head, asked);
  const body = await beginningOf(exchange);
  const explanation = explain({ ...head, body });
  if (explanation === undefined) return usual;
  const { code = usual.code, message, retryable = usual.retryable } = explanation;
  const answered = `answered ${head.status} ${STATUS_CODES[head.status] ?? ""}`.trimEnd();
  const { retryAfterMs } = usual;
  return failure(code, asked, `${answered}: ${message}`, {
    retryable,
    status: head.status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

async function beginningOf(exchange: Exchange): Promise<string> {
  const pieces: Uint8Array[] = [];
  try {
    for (let length = 0; length < BODY_LIMIT; ) {
      const piece = await exchange.next();
      if (piece === undefined) break;
      pieces.push(piece.slice()); // the memory is used again
      length += piece.length;
    }
  } catch {
    // What came of it has to do.
  } finally {
    exchange.drain();
  }
  return Buffer.concat(pieces).subarray(0, BODY_LIMIT).toString();
}
