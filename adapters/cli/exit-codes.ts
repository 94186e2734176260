import { type HeadwaterErrorCode, isHeadwaterError } from "../../lib/index.ts";

/** What the command's exit says to a script. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  stalled: 3,
  sourceChanged: 4,
  inTheWay: 5,
  destination: 6,
  recoverable: 7,
  budget: 8,
} as const;

/** For `--help`, which also names the signals. */
export const EXIT_MEANINGS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done: the file is whole (verify: it is the same)"],
  ["1", "failed (verify: it differs); the line on stderr says why"],
  ["2", "the command line cannot be understood"],
  ["3", "stalled: parts could not be fetched; the same command resumes"],
  ["4", "the source is no longer the version that the copy was begun from"],
  ["5", "what is at the destination is in the way: locked, foreign or modified"],
  ["6", "the destination cannot be written, or is full"],
  ["7", "map --check: one slot is of no use, and the other one is believed"],
  ["8", "a limit was reached (--max-bytes and the like); the same command resumes"],
  ["129, 130, 143", "ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM; the same command resumes"],
];

/** The signals that end the command gently, and the exit that each is owed. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export type EndingSignal = keyof typeof SIGNAL_EXITS;

const ERROR_EXITS: Partial<Record<HeadwaterErrorCode, number>> = {
  STALLED: EXIT.stalled,
  BUDGET_SPENT: EXIT.budget,
  SOURCE_CHANGED: EXIT.sourceChanged,
  LOCKED: EXIT.inTheWay,
  EXISTS: EXIT.inTheWay,
  DIVERGED: EXIT.inTheWay,
  MAP_CORRUPT: EXIT.inTheWay,
  DESTINATION_FULL: EXIT.destination,
  DESTINATION_FAILED: EXIT.destination,
};

/** The command line cannot be understood. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!isHeadwaterError(error)) return EXIT.failed;
  return ERROR_EXITS[error.code] ?? EXIT.failed;
}

const ADVICE: Partial<Record<HeadwaterErrorCode, string>> = {
  STALLED: "The same command tries again and fetches only what is missing.",
  SOURCE_CHANGED: "To start over with what it is now, add --revalidate.",
  BUDGET_SPENT: "The same command resumes, and counts anew.",
  DESTINATION_FULL: "Make room; the same command resumes.",
  DIGEST_MISMATCH: "Is it the manifest of this very object?",
  TIMEOUT: "The same command tries again.",
};

/** What the user can do about the error, where its message does not say so; else empty. */
export function adviceOn(error: unknown): string {
  if (error instanceof UsageError) return "See headwater --help.";
  return isHeadwaterError(error) ? (ADVICE[error.code] ?? "") : "";
}
