#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { EXIT, UsageError } from "./exit-codes.ts";
import { reportFailure } from "./failure.ts";
import { type CommandName, helpOf, mainHelp } from "./help.ts";
import { endProcess } from "./interruption.ts";
import { tolerateClosedOutput } from "./output.ts";

type Command = (args: readonly string[]) => Promise<number>;

/** Each loads only what it needs. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  digest: async () => (await import("./digest-command.ts")).runDigest,
  hydrate: async () => (await import("./hydrate-command.ts")).runHydrate,
  info: async () => (await import("./info-command.ts")).runInfo,
  ltx: async () => (await import("./ltx-command.ts")).runLtx,
  map: async () => (await import("./map-command.ts")).runMap,
  record: async () => (await import("./record-command.ts")).runRecord,
  serve: async () => (await import("./serve-command.ts")).runServe,
  sql: async () => (await import("./sql/command.ts")).runSql,
  verify: async () => (await import("./verify-command.ts")).runVerify,
};

/** Resolves to the exit code; what goes wrong is thrown. */
async function run(args: readonly string[]): Promise<number> {
  const [first = "", ...rest] = args;
  const named = first !== "hydrate" && Object.hasOwn(COMMANDS, first);
  const name = named ? (first as CommandName) : "hydrate";
  const options = beforeDoubleDash(args);
  if (options.includes("--help") || options.includes("-h")) {
    process.stdout.write(named ? helpOf(name) : mainHelp());
    return EXIT.done;
  }
  if (options.includes("--version")) {
    process.stdout.write(`${version()}\n`);
    return EXIT.done;
  }
  if (first === "") throw new UsageError("there is no URL");
  const command = await COMMANDS[name]();
  return await command(named ? rest : args);
}

function beforeDoubleDash(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}

function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const args = process.argv.slice(2);
tolerateClosedOutput();
let exitCode: number;
try {
  exitCode = await run(args);
} catch (error) {
  exitCode = reportFailure(error, beforeDoubleDash(args).includes("--json"));
}
// What a close that hangs has left open must not keep us; what was written must go out first.
process.stdout.write("", () => endProcess(exitCode));
