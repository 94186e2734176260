import { isHeadwaterError } from "../../../lib/index.ts";
import { SqliteError } from "../../sqlite/index.ts";

/** What was asked for, as far as it says what to do about a failure. */
export interface Asked {
  /** What stands for the source, as it may be shown. */
  readonly name: string;
  readonly isReplica: boolean;
  readonly writable: boolean;
}

/** The error as this command tells it: with what to do, and for a page that is missing with why. */
export function sqlFailure(error: unknown, { name, isReplica, writable }: Asked): unknown {
  if (!(error instanceof SqliteError)) return error;
  const { cause, code, message } = error;
  if (isHeadwaterError(cause)) return cause;
  const say = (text: string): Error => new Error(text, { cause: error });
  if (code === "SQLITE_INTERRUPT") return say("interrupted");
  if (code === "SQLITE_NOTADB") {
    const way = "a Litestream replica on a web server is asked for with --replica";
    return say(`${name}: ${message}${isReplica ? "" : `; ${way}`}`);
  }
  if (code.startsWith("SQLITE_READONLY") && !writable) {
    return say(`${message}; with a file and --writable the local copy can be changed`);
  }
  return /^no such (?:table|view):/.test(message) ? say(`${message}; .tables lists them`) : error;
}
