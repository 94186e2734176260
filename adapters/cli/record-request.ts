import { parseArgs } from "node:util";
import { fileNameOf, parseUrl, readTrace, takePositionals, understand } from "./command-line.ts";
import { UsageError } from "./exit-codes.ts";
import { copyOptions, type HydrateRequest } from "./hydrate-request.ts";
import { COPY_OPTIONS, RECORD_OPTIONS, SOURCE_OPTIONS } from "./options.ts";

/** What `headwater record` was asked for. */
export interface RecordRequest extends Pick<HydrateRequest, "url" | "file" | "options"> {
  /** The file that the trace is written to. */
  readonly output: string;
  /** Whether what that file holds is kept, with what is read now. */
  readonly merge: boolean;
  readonly program: string;
  /** `{}` in one of them is the address. */
  readonly words: readonly string[];
}

const OPTIONS = { ...COPY_OPTIONS, ...RECORD_OPTIONS, ...SOURCE_OPTIONS } as const;

/** @throws {UsageError} */
export function parseRecordRequest(args: readonly string[]): RecordRequest {
  const end = args.indexOf("--");
  const [program, ...words] = end === -1 ? [] : args.slice(end + 1);
  if (program === undefined) {
    throw new UsageError("say what to run: headwater record <url> -o app.trace -- <command>");
  }
  const { values, positionals } = understand(() =>
    parseArgs({ args: args.slice(0, end), options: OPTIONS, allowPositionals: true }),
  );
  const [given = "", named] = takePositionals(positionals, ["URL", "file"], 1);
  const { output, merge = false } = values;
  if (output === undefined) throw new UsageError("say where the trace goes: -o FILE");
  const url = parseUrl(given);
  if (merge) readTrace("output", output); // before anything is run
  const file = named ?? fileNameOf(url);
  return { url, file, options: copyOptions(url, values), output, merge, program, words };
}
