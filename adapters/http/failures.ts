import { STATUS_CODES } from "node:http";
import {
  type ByteRange,
  HeadwaterError,
  type HeadwaterErrorCode,
  type HeadwaterErrorOptions,
} from "../../lib/index.ts";
import { type ResponseHead, retryAfterMsOf } from "./response-head.ts";

/** What was asked, as it may be told: the name has no query and no credentials. */
export interface Asked {
  readonly name: string;
  /** Undefined where the end of a blob of unknown size was asked for. */
  readonly range: ByteRange | undefined;
}

/** A failure of this request. Its message begins with the name. */
export function failure(
  code: HeadwaterErrorCode,
  asked: Asked,
  message: string,
  options: HeadwaterErrorOptions = {},
): HeadwaterError {
  return new HeadwaterError(code, `${asked.name} ${message}`, { ...asked.range, ...options });
}

/** What a status means that is none of those a range request hopes for. */
export function statusFailure(head: ResponseHead, asked: Asked): HeadwaterError {
  const { status } = head;
  const answered = `answered ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
  if (status === 404 || status === 410) {
    return failure("SOURCE_NOT_FOUND", asked, `${answered}: there is no such object`, { status });
  }
  const advice = ADVICE[status];
  if (advice !== undefined) {
    return failure("SOURCE_FAILED", asked, `${answered}: ${advice}`, { status });
  }
  const retryAfterMs = retryAfterMsOf(head);
  return failure("SOURCE_FAILED", asked, answered, {
    status,
    retryable: status >= 500 || TRY_LATER.includes(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What a broken connection means, or one that was never made. */
export function networkFailure(error: unknown, asked: Asked, received: number): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const code = codeOf(error);
  const reason = (error instanceof Error ? error.message : "") || code;
  const options = { cause: error, retryable: code !== "UND_ERR_INVALID_ARG" }; // a proxy's 407
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    return failure("TIMEOUT", asked, "could not be connected to in time", options);
  }
  if (isUntrusted(code)) {
    const message = `has no connection that can be trusted: ${reason}`;
    return failure("SOURCE_FAILED", asked, message, { cause: error });
  }
  if (ENDED_EARLY.includes(code) && received > 0) {
    return failure("SHORT_READ", asked, `ended its answer after ${received} bytes`, options);
  }
  const message = `could not be read, after ${received} bytes: ${reason}`;
  return failure("SOURCE_FAILED", asked, message, options);
}

/** Used after close, or closed while it was used. */
export function closedFailure(name: string): HeadwaterError {
  return new HeadwaterError("CLOSED", `${name} was closed`);
}

/** Whether not even a connection came about: a server that moved, rather than one that failed. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof HeadwaterError && UNREACHABLE.includes(codeOf(error.cause));
}

const ADVICE: Readonly<Record<number, string>> = {
  401: "it wants credentials; give them in the `headers` option or renew them",
  403: "access is refused; credentials may be missing, or a signed URL may have expired",
};

const TRY_LATER: readonly number[] = [408, 425, 429];

/** Connections that the other side ended in good order, but too soon. */
const ENDED_EARLY: readonly string[] = [
  "UND_ERR_SOCKET",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "HPE_INVALID_EOF_STATE",
];

const UNREACHABLE: readonly string[] = [
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
];

/** The codes of OpenSSL and Node for certificates and handshakes: trying again changes nothing. */
const UNTRUSTED: readonly string[] = [
  "CERT_",
  "CRL_",
  "DEPTH_ZERO_",
  "ERR_SSL_",
  "ERR_TLS_",
  "HOSTNAME_",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_",
  "UNABLE_TO_",
  "UND_ERR_PRX_TLS",
];

function isUntrusted(code: string): boolean {
  return UNTRUSTED.some((beginning) => code.startsWith(beginning));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as Error & { code?: unknown };
  return typeof code === "string" ? code : "";
}
