import { HeadwaterError, type HeadwaterErrorCode } from "../../lib/index.ts";

/** What the system said, as an error of ours. A full disk or quota is always `DESTINATION_FULL`. */
export function fileError(code: HeadwaterErrorCode, what: string, cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  const full = hasCode(cause, "ENOSPC", "EDQUOT");
  const message = cause instanceof Error ? cause.message : String(cause);
  return new HeadwaterError(full ? "DESTINATION_FULL" : code, `${what}: ${message}`, { cause });
}

/** Whether the system gave one of these codes, such as "ENOENT". */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
