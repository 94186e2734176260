import { type ByteRange, isHeadwaterError } from "../../lib/index.ts";
import { exitCodeOf, SIGNAL_EXITS, UsageError } from "./exit-codes.ts";
import { Interrupted } from "./interruption.ts";
import { describeError, listRanges } from "./sentences.ts";

/** A hydration that ended early, with what was missing then. */
export class HydrationFailure extends Error {
  override readonly name = "HydrationFailure";
  /** The first of them at least. */
  readonly missing: readonly ByteRange[];

  constructor(cause: unknown, missing: readonly ByteRange[]) {
    super("hydration ended early", { cause });
    this.missing = missing;
  }
}

/** Says what went wrong, on one line (a second one lists what is missing), and gives the exit. */
export function reportFailure(failure: unknown, json: boolean): number {
  if (failure instanceof Interrupted) return SIGNAL_EXITS[failure.by];
  const error = failure instanceof HydrationFailure ? failure.cause : failure;
  const missing = failure instanceof HydrationFailure ? failure.missing : [];
  const exitCode = exitCodeOf(error);
  if (json) {
    const code = isHeadwaterError(error) ? error.code : error instanceof UsageError ? "USAGE" : "";
    const message = error instanceof Error ? error.message : String(error);
    const event = { event: "error", code, message, exitCode, missing };
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
  process.stderr.write(`${describeError(error)}\n`);
  if (missing.length > 0) process.stderr.write(`missing: bytes ${listRanges(missing)}\n`);
  if (process.env.HEADWATER_DEBUG) console.error(failure);
  return exitCode;
}
