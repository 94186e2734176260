import type { CallOptions } from "../../../lib/index.ts";
import { UsageError } from "../exit-codes.ts";
import { DOT_COMMANDS } from "./commands.ts";
import type { Entry } from "./script.ts";
import type { SqlSession } from "./session.ts";

/** Whether to go on: not after `.quit`, nor when nobody reads any more. */
export async function runEntry(
  session: SqlSession,
  entry: Entry,
  options: CallOptions,
): Promise<boolean> {
  session.progress.begin();
  try {
    if (entry.kind === "statement") return await session.statement(entry.sql, options);
    const { name, words } = entry;
    if (name === "quit" || name === "exit") return false;
    const run = Object.hasOwn(DOT_COMMANDS, name) ? DOT_COMMANDS[name] : undefined;
    if (run === undefined) throw new UsageError(`there is no command .${name}; .help lists them`);
    return await run(session, words, options);
  } finally {
    session.progress.end();
  }
}
