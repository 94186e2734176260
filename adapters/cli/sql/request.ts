import { statSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { SourceOpener } from "../../../lib/index.ts";
import { litestream } from "../../ltx/index.ts";
import type { OpenDatabaseOptions } from "../../sqlite/index.ts";
import { parseCount, takePositionals, understand } from "../command-line.ts";
import { UsageError } from "../exit-codes.ts";
import { type CopyValues, cloneOptions, copyOptions } from "../hydrate-request.ts";
import { parseReplica, type ReplicaValues, replicaOptionsFrom } from "../ltx-replica.ts";
import { REPLICA_OPTIONS, SOURCE_OPTIONS, SQL_COPY_OPTIONS, SQL_OPTIONS } from "../options.ts";
import { shownUrl } from "../printable.ts";
import type { Asked } from "./failure.ts";
import type { RowFormat } from "./row-writer.ts";

/** What `headwater sql` was asked for. */
export interface SqlRequest extends Asked {
  readonly source: URL | SourceOpener;
  /** Undefined where nothing is to be kept. */
  readonly file: string | undefined;
  /** What to run; undefined where it comes from stdin. */
  readonly sql: string | undefined;
  readonly options: OpenDatabaseOptions;
  readonly format: RowFormat;
  readonly quiet: boolean;
}

const OPTIONS = {
  ...SQL_COPY_OPTIONS,
  ...REPLICA_OPTIONS,
  ...SQL_OPTIONS,
  ...SOURCE_OPTIONS,
} as const;

type Values = CopyValues & ReplicaValues & { readonly replica?: boolean | undefined };

/** How long a page is waited for, at least, in milliseconds. */
const PAGE_TIMEOUT_MS = 30_000;

/** @throws {UsageError} */
export function parseSqlRequest(args: readonly string[]): SqlRequest {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = "", second, third] = takePositionals(positionals, ["URL", "file", "SQL"], 1);
  const isSql = third === undefined && second !== undefined && looksLikeSql(second);
  const [file, sql] = isSql ? [undefined, second] : [second, third];
  const { json = false, csv = false, writable = false, quiet = false } = values;
  if (json && csv)
    throw new UsageError("--json and --csv both say how rows are written; choose one");
  if (writable && file === undefined) {
    throw new UsageError("--writable needs a file: without one what is written would be lost");
  }
  const { url, isReplica } = parseSource(given, values);
  const timeout = values.timeout === undefined ? 0 : parseCount("timeout", values.timeout) * 1000;
  const noHydration = file === undefined || (values["no-hydration"] ?? false);
  return {
    source: isReplica ? understand(() => litestream(url, replicaOptionsFrom(url, values))) : url,
    name: shownUrl(url.href),
    isReplica,
    file,
    sql,
    options: {
      ...(isReplica ? { ...cloneOptions(values), revalidate: true } : copyOptions(url, values)),
      ...{ writable, noHydration, pageTimeoutMs: Math.max(PAGE_TIMEOUT_MS, timeout) },
    },
    format: json ? "json" : csv ? "csv" : "table",
    writable,
    quiet,
  };
}

/**
 * A database, or the replica of one: a folder of this machine is a replica, and so is a web address
 * that ends with a slash, as that of a folder does, or that comes with an option of replicas.
 *
 * @throws {UsageError}
 */
function parseSource(text: string, values: Values): { url: URL; isReplica: boolean } {
  const url = parseReplica(text);
  if (url.protocol === "file:") return { url: checkFolder(url, text), isReplica: true };
  const options = ["replica", "at", "layout", "index"] as const;
  const option = options.find((name) => values[name] !== undefined);
  const isWeb = /^(https?|s3):$/.test(url.protocol);
  if (option !== undefined && !isWeb) {
    throw new UsageError(`--${option} is for Litestream replicas, and ${url.protocol} has none`);
  }
  return { url, isReplica: isWeb && (option !== undefined || url.pathname.endsWith("/")) };
}

function checkFolder(url: URL, text: string): URL {
  const found = statSync(fileURLToPath(url), { throwIfNoEntry: false });
  if (found === undefined) {
    const what = "name a URL, or the folder of a Litestream replica";
    throw new UsageError(`there is no "${basename(text)}" here; ${what}`);
  }
  if (!found.isDirectory()) {
    throw new UsageError(`"${text}" is a file of this machine, which any SQLite opens as it is`);
  }
  return url;
}

const FIRST_WORDS = [
  ...["select", "with", "values", "explain", "pragma", "insert", "update", "delete", "replace"],
  ...["create", "drop", "alter", "begin", "commit", "end", "rollback", "savepoint", "release"],
  ...["vacuum", "analyze", "reindex", "attach", "detach"],
];
const SQL = new RegExp(`^\\s*(?:$|(?:${FIRST_WORDS.join("|")})(?![\\w.-])|/\\*|--|;)`, "i");
const COMMAND = /^\s*\.(?:tables|schema|status|hydrate|help|quit|exit)\b/;

/** Whether an argument is what to run, and not a file: it begins as SQL or our commands do. */
function looksLikeSql(text: string): boolean {
  return SQL.test(text) || COMMAND.test(text);
}
