/** Stable, for programs. The message is for people and may be reworded at any time. */
export type HeadwaterErrorCode =
  | "SOURCE_CHANGED" // the source is no longer the object that was opened
  | "SOURCE_FAILED" // the source could not be read: network, server, permission
  | "SOURCE_NOT_FOUND" // the source has no such object
  | "RANGE_UNSUPPORTED" // the server cannot serve a part of the object
  | "SIZE_UNKNOWN" // the source does not say how large the object is
  | "SHORT_READ" // a device gave fewer bytes than asked
  | "TIMEOUT" // nothing came for as long as the options allow
  | "DESTINATION_FAILED" // the destination could not be read or written
  | "DESTINATION_FULL" // no space left for the destination
  | "MAP_CORRUPT" // the region map cannot be believed, and data may depend on it
  | "DIVERGED" // the finished file was modified after it was finished
  | "EXISTS" // a file that is not ours has the name that was asked for
  | "LOCKED" // another process owns the destination
  | "BUDGET_SPENT" // a limit of bytes, requests or cost allows no further request
  | "STALLED" // hydration gave up after a bounded number of failures; it can be resumed
  | "DIGEST_MISMATCH" // the source gave bytes that are not as its manifest says
  | "CORRUPT" // bytes that fail their magic, bounds or checksum
  | "FAILED" // the clone can serve nothing any more: neither its map nor a save of it can be had
  | "READ_ONLY" // a write in a mode that does not allow it
  | "WOULD_DEADLOCK" // a wait that only the waiting thread itself could end
  | "CLOSED"; // used after close

export interface HeadwaterErrorOptions extends ErrorOptions {
  /** Where in the blob, in bytes. */
  offset?: number;
  /** How many bytes from there. */
  length?: number;
  /** Whether the same request may succeed later without anybody doing anything. */
  retryable?: boolean;
  /** Milliseconds that the other side asked us to wait before the next try. */
  retryAfterMs?: number;
  /** With which a server answered, where that is the reason. */
  status?: number;
}

/** What goes wrong in the world: the network, the disk, another process, bad bytes. */
export class HeadwaterError extends Error {
  override readonly name = "HeadwaterError";
  readonly code: HeadwaterErrorCode;
  readonly offset: number | undefined;
  readonly length: number | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  /** The status of HTTP with which a server answered, where that is the reason. */
  readonly status: number | undefined;

  constructor(code: HeadwaterErrorCode, message: string, options: HeadwaterErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.offset = options.offset;
    this.length = options.length;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
  }
}

/** Whether `error` is a `HeadwaterError`, with that code if one is given. */
export function isHeadwaterError(
  error: unknown,
  code?: HeadwaterErrorCode,
): error is HeadwaterError {
  return error instanceof HeadwaterError && (code === undefined || error.code === code);
}

/** What an unknown error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
