import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type LitestreamOptions,
  parseTxid,
  type ReplicaAccess,
  type ReplicaLayout,
} from "../ltx/index.ts";
import { parseUrl } from "./command-line.ts";
import { UsageError } from "./exit-codes.ts";
import { httpOptionsFrom, isS3, type SourceValues, s3OptionsFrom } from "./source.ts";

/** The values of `REPLICA_OPTIONS` and `SOURCE_OPTIONS`, as typed. */
export interface ReplicaValues extends SourceValues {
  readonly at?: string | undefined;
  readonly layout?: string | undefined;
  readonly index?: string | undefined;
}

/** What stands for a replica: a URL, or the path of a folder. */
export function parseReplica(text: string): URL {
  // One with a query is as Litestream writes it.
  if (text.startsWith("s3://") && !text.includes("?")) return parseUrl(text);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  return pathToFileURL(resolve(text));
}

/** @throws {UsageError} when a value makes no sense. */
export function replicaOptionsFrom(url: URL, values: ReplicaValues): LitestreamOptions {
  const { at } = values;
  const layout = parseLayout(values.layout);
  return {
    ...replicaAccessFrom(url, values),
    ...(at === undefined ? {} : { at: parseAt(at) }),
    ...(layout === undefined ? {} : { layout }),
  };
}

/** How the replica is read. @throws {UsageError} when a value makes no sense there. */
export function replicaAccessFrom(url: URL, values: ReplicaValues): ReplicaAccess {
  const { index } = values;
  if (!isS3(url)) {
    return { http: { ...httpOptionsFrom(values), ...(index === undefined ? {} : { index }) } };
  }
  if (index !== undefined) throw new UsageError("--index is for web servers; S3 can be listed");
  return { s3: s3OptionsFrom(values) };
}

/** @throws {UsageError} when it is neither. */
export function parseLayout(text: string | undefined): ReplicaLayout | undefined {
  if (text === undefined || text === "ltx" || text === "s3") return text;
  throw new UsageError(`--layout is "${text}"; it is ltx or s3`);
}

/**
 * A transaction, as sixteen hexadecimal digits or a decimal number, or a time.
 *
 * @throws {UsageError} when it is none of them.
 */
export function parseAt(text: string): bigint | Date {
  if (/^[0-9a-f]{16}$/.test(text)) return parseTxid(text);
  if (/^\d{1,15}$/.test(text)) return BigInt(text);
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  const ways = "a TXID like 42 or 000000000000002a, or a time like 2026-01-31T12:00:00Z";
  throw new UsageError(`--at is "${text}"; write ${ways}`);
}
