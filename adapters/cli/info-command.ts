import { parseArgs } from "node:util";
import { isHeadwaterError } from "../../lib/index.ts";
import { parseUrl, takePositionals, understand } from "./command-line.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { JSON_OPTION, SOURCE_OPTIONS } from "./options.ts";
import { printable, shownUrl } from "./printable.ts";
import { formatBytes, formatCount } from "./quantities.ts";
import { type SourceValues, sourceOpener } from "./source.ts";

interface Info {
  readonly url: string;
  /** In bytes; undefined where the server does not say. */
  readonly size: number | undefined;
  readonly identity: string | undefined;
  readonly strongIdentity: boolean | undefined;
  /** Whether it can be read in parts. */
  readonly ranges: boolean;
  /** Why it cannot be hydrated; undefined when it can. */
  readonly problem: string | undefined;
}

/** `headwater info <url>`. */
export async function runInfo(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args: [...args],
      options: { ...JSON_OPTION, ...SOURCE_OPTIONS },
      allowPositionals: true,
    }),
  );
  const [given = ""] = takePositionals(positionals, ["URL"]);
  const info = await ask(parseUrl(given), values);
  process.stdout.write(values.json ? `${JSON.stringify(info)}\n` : describe(info));
  return info.problem === undefined ? EXIT.done : EXIT.failed;
}

async function ask(url: URL, values: SourceValues): Promise<Info> {
  const interruption = new Interruption();
  try {
    const { signal } = interruption;
    const opener = await sourceOpener(url, values);
    const source = await interruption.orElse(opener.open({ signal }));
    try {
      const { size, identity, strongIdentity = true } = source;
      const shown = shownUrl(url.href);
      return { url: shown, size, identity, strongIdentity, ranges: true, problem: undefined };
    } finally {
      await source.close();
    }
  } catch (error) {
    const known = isHeadwaterError(error, "SIZE_UNKNOWN");
    if (!known && !isHeadwaterError(error, "RANGE_UNSUPPORTED")) throw error;
    return {
      url: shownUrl(url.href),
      size: undefined,
      identity: undefined,
      strongIdentity: undefined,
      ranges: known,
      problem: error.message,
    };
  }
}

function describe(info: Info): string {
  const { url, size, identity, strongIdentity, ranges, problem } = info;
  const version = strongIdentity
    ? "named by the server: any change is noticed"
    : "known by its date or a weak name only: a change may go unnoticed";
  const rows: (readonly [string, string])[] = [
    ["url", url],
    ["size", size === undefined ? "unknown" : `${formatBytes(size)} (${formatCount(size)} bytes)`],
    ["in parts", ranges ? "yes" : "no"],
  ];
  if (identity !== undefined) rows.push(["identity", identity], ["version", version]);
  rows.push(["hydration", problem === undefined ? "possible" : `impossible: ${problem}`]);
  return rows.map(([name, value]) => `${name.padEnd(10)} ${printable(value)}\n`).join("");
}
