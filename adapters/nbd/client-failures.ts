import {
  type ByteRange,
  HeadwaterError,
  type HeadwaterErrorCode,
  type HeadwaterErrorOptions,
} from "../../lib/index.ts";
import { NBD_ERROR, OPTION_REPLY } from "./protocol.ts";

/** A failure of this server. Its message begins with the name of the export. */
export function failure(
  code: HeadwaterErrorCode,
  name: string,
  message: string,
  options: HeadwaterErrorOptions = {},
): HeadwaterError {
  return new HeadwaterError(code, `${name} ${message}`, options);
}

/** The server broke the rules of the protocol, so nothing more that it sends can be understood. */
export function violation(name: string, message: string): HeadwaterError {
  return failure("CORRUPT", name, `does not keep to the NBD protocol: ${message}`, {
    retryable: true, // over a new connection
  });
}

/** The server refused an option of the handshake, and so the export. */
export function optionFailure(name: string, type: number, text: string): HeadwaterError {
  const { code, message, retryable } = OPTION_FAILURES.get(type) ?? {
    code: "SOURCE_FAILED",
    message: `was refused (0x${type.toString(16)})`,
    retryable: false,
  };
  return failure(code, name, message + said(text), { retryable });
}

/** The server answered a request with an error. */
export function requestFailure(
  name: string,
  range: ByteRange,
  number: number,
  text: string,
): HeadwaterError {
  const { offset, length } = range;
  const what = ERROR_NAMES.get(number) ?? `error ${number}`;
  return new HeadwaterError(
    "SOURCE_FAILED",
    `${name} answered ${what} for ${length} bytes at ${offset}${said(text)}`,
    { offset, length, retryable: !LASTING.includes(number) },
  );
}

/** A connection that could not be made, or that broke. */
export function networkFailure(name: string, error: unknown): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = (error instanceof Error ? error.message : "") || code || String(error);
  return failure("SOURCE_FAILED", name, `could not be reached: ${reason}`, {
    cause: error,
    retryable: !code.startsWith("ERR_SSL_"), // a certificate that is refused will be again
  });
}

/** Used after close, or closed while it was used. */
export function closedFailure(name: string): HeadwaterError {
  return failure("CLOSED", name, "was closed");
}

interface Meaning {
  readonly code: HeadwaterErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

const OPTION_FAILURES: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [
    OPTION_REPLY.errUnknown,
    { code: "SOURCE_NOT_FOUND", message: "is no export of this server", retryable: false },
  ],
  [
    OPTION_REPLY.errTlsRequired,
    { code: "SOURCE_FAILED", message: "is served over TLS only: write nbds", retryable: false },
  ],
  [
    OPTION_REPLY.errPolicy,
    { code: "SOURCE_FAILED", message: "is not allowed by the server", retryable: false },
  ],
  [
    OPTION_REPLY.errShutdown,
    { code: "SOURCE_FAILED", message: "is shutting down", retryable: true },
  ],
]);

const ERROR_NAMES: ReadonlyMap<number, string> = new Map([
  [NBD_ERROR.notPermitted, "EPERM"],
  [NBD_ERROR.inputOutput, "EIO"],
  [NBD_ERROR.noMemory, "ENOMEM"],
  [NBD_ERROR.invalid, "EINVAL"],
  [NBD_ERROR.noSpace, "ENOSPC"],
  [NBD_ERROR.overflow, "EOVERFLOW"],
  [NBD_ERROR.notSupported, "ENOTSUP"],
  [NBD_ERROR.shutdown, "ESHUTDOWN"],
]);

/** Trying again changes nothing. */
const LASTING: readonly number[] = [
  NBD_ERROR.notPermitted,
  NBD_ERROR.invalid,
  NBD_ERROR.overflow,
  NBD_ERROR.notSupported,
];

/** What the server says of it, which is a stranger's text: not too much of it. */
function said(text: string): string {
  return text === "" ? "" : `: ${text.slice(0, 200)}`;
}
