import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type HttpStoreOptions,
  type LitestreamOptions,
  parseTxid,
  type ReplicaLayout,
} from "../ltx/index.ts";
import { UsageError } from "./exit-codes.ts";
import { httpOptionsFrom, type SourceValues } from "./source.ts";

/** The values of `REPLICA_OPTIONS` and `SOURCE_OPTIONS`, as typed. */
export interface ReplicaValues extends SourceValues {
  readonly at?: string | undefined;
  readonly layout?: string | undefined;
  readonly index?: string | undefined;
}

/** What stands for a replica: a URL, or the path of a folder. */
export function parseReplica(text: string): URL {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  return pathToFileURL(resolve(text));
}

/** @throws {UsageError} when a value makes no sense. */
export function replicaOptionsFrom(values: ReplicaValues): LitestreamOptions {
  const { at } = values;
  const layout = parseLayout(values.layout);
  return {
    http: httpStoreOptionsFrom(values),
    ...(at === undefined ? {} : { at: parseAt(at) }),
    ...(layout === undefined ? {} : { layout }),
  };
}

export function httpStoreOptionsFrom(values: ReplicaValues): HttpStoreOptions {
  const { index } = values;
  return { ...httpOptionsFrom(values), ...(index === undefined ? {} : { index }) };
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
