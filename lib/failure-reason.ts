import { HeadwaterError } from "./errors.ts";

/**
 * Why a call of a source failed. `connection`: it was not made, or broke; `short`: it ended early;
 * `status`: the server answered with one that is none of success; `changed`: another version;
 * `corrupt`: bytes that fail their checksum or digest; `other`: an answer that makes no sense, and
 * all else.
 */
export type FailureReason =
  | "timeout"
  | "connection"
  | "short"
  | "status"
  | "changed"
  | "corrupt"
  | "other";

const BY_CODE: Partial<Record<HeadwaterError["code"], FailureReason>> = {
  TIMEOUT: "timeout",
  SHORT_READ: "short",
  SOURCE_CHANGED: "changed",
  CORRUPT: "corrupt",
  DIGEST_MISMATCH: "corrupt",
};

/** Codes that a fetch ends with though its source did nothing wrong. */
const NOT_THE_SOURCES: readonly string[] = [
  "CLOSED",
  "BUDGET_SPENT",
  "DESTINATION_FAILED",
  "DESTINATION_FULL",
];

/** Undefined where it is not the source that failed. */
export function failureReason(error: unknown): FailureReason | undefined {
  if (!(error instanceof HeadwaterError)) return undefined; // the reason of an abort
  if (NOT_THE_SOURCES.includes(error.code)) return undefined;
  const byCode = BY_CODE[error.code];
  if (byCode !== undefined) return byCode;
  if (error.status !== undefined) return "status";
  return error.cause instanceof Error ? "connection" : "other";
}
