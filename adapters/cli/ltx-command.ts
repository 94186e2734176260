import { UsageError } from "./exit-codes.ts";

type Command = (args: readonly string[]) => Promise<number>;

/** Each loads only what it needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  restore: async () => (await import("./ltx-restore.ts")).runRestore,
  info: async () => (await import("./ltx-info.ts")).runReplicaInfo,
  verify: async () => (await import("./ltx-verify.ts")).runReplicaVerify,
  compact: async () => (await import("./ltx-compact.ts")).runCompact,
};

/** `headwater ltx <command>`. */
export async function runLtx(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const names = Object.keys(COMMANDS).join(", ");
    const what = name === "" ? "the ltx command is missing" : `there is no ltx command "${name}"`;
    throw new UsageError(`${what}; write headwater ltx and one of ${names}`);
  }
  const command = await load();
  return command(rest);
}
