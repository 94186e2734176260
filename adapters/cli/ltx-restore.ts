import { parseArgs } from "node:util";
import { litestream } from "../ltx/index.ts";
import { fileNameOf, takePositionals, understand } from "./command-line.ts";
import { makeLocal } from "./hydrate-command.ts";
import { cloneOptions } from "./hydrate-request.ts";
import { parseReplica, replicaOptionsFrom } from "./ltx-replica.ts";
import { COPY_OPTIONS, JSON_OPTION, REPLICA_OPTIONS, SOURCE_OPTIONS } from "./options.ts";

const OPTIONS = { ...COPY_OPTIONS, ...REPLICA_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS } as const;

/** `headwater ltx restore <replica> [file]`. */
export async function runRestore(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = "", named] = takePositionals(positionals, ["replica", "file"], 1);
  const url = parseReplica(given);
  return makeLocal({
    url,
    opener: understand(() => litestream(url, replicaOptionsFrom(url, values))),
    file: named ?? fileNameOf(url),
    // What was restored before is brought to what is asked for now.
    options: { ...cloneOptions(values), revalidate: true },
    read: undefined,
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  });
}
