import { HeadwaterError, type HeadwaterErrorCode } from "../../../lib/errors.ts";
import { nameOfCode } from "./result-codes.ts";

/** What SQLite refused or failed to do. */
export class SqliteError extends Error {
  override readonly name = "SqliteError";
  /** The name of the extended result code, such as `SQLITE_CONSTRAINT_UNIQUE`. */
  readonly code: string;
  /** The extended result code as a number. */
  readonly resultCode: number;
  /** Where in the SQL the mistake is, in bytes of UTF-8; undefined where SQLite does not say. */
  readonly sqlOffset: number | undefined;

  /** @param options its cause, where a page could not be had, is the error that says why. */
  constructor(
    resultCode: number,
    message: string,
    options: ErrorOptions & { sqlOffset?: number | undefined } = {},
  ) {
    super(message, options);
    this.resultCode = resultCode;
    this.code = nameOfCode(resultCode);
    this.sqlOffset = options.sqlOffset;
  }
}

/** An error on its way to another thread: what is lost otherwise is its class and its code. */
export interface ErrorMessage {
  readonly kind: "sqlite" | "headwater" | "type" | "range" | "error";
  readonly message: string;
  readonly code: string | number;
  readonly retryable: boolean;
  readonly sqlOffset: number | undefined;
  readonly cause: ErrorMessage | undefined;
}

export function describeError(error: unknown): ErrorMessage {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const rest = {
    message,
    retryable: false,
    sqlOffset: undefined,
    cause: cause === undefined ? undefined : describeError(cause),
  };
  if (error instanceof SqliteError) {
    const { resultCode: code, sqlOffset } = error;
    return { ...rest, kind: "sqlite", code, sqlOffset };
  }
  if (error instanceof HeadwaterError) {
    const { code, retryable } = error;
    return { ...rest, kind: "headwater", code, retryable };
  }
  if (error instanceof TypeError) return { ...rest, kind: "type", code: "" };
  if (error instanceof RangeError) return { ...rest, kind: "range", code: "" };
  return { ...rest, kind: "error", code: "" };
}

export function restoreError(described: ErrorMessage): Error {
  const { kind, message, code, retryable, sqlOffset } = described;
  const options = described.cause && { cause: restoreError(described.cause) };
  if (kind === "sqlite") return new SqliteError(Number(code), message, { ...options, sqlOffset });
  if (kind === "headwater") {
    return new HeadwaterError(code as HeadwaterErrorCode, message, { ...options, retryable });
  }
  if (kind === "type") return new TypeError(message, options);
  if (kind === "range") return new RangeError(message, options);
  return new Error(message, options);
}
