import type { SourceOpener } from "../../lib/index.ts";
import { type HttpOptions, http } from "../http/index.ts";
import type { NbdOptions } from "../nbd/index.ts";
import type { S3HttpOptions, S3Options } from "../s3/index.ts";
import { parseCount, parseHeaders, readOptionFile, understand } from "./command-line.ts";
import { UsageError } from "./exit-codes.ts";

/** The values of `SOURCE_OPTIONS`, as typed. */
export interface SourceValues {
  readonly header?: string[] | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly proxy?: string | undefined;
  readonly timeout?: string | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly "path-style"?: boolean | undefined;
  readonly anonymous?: boolean | undefined;
}

const S3_OPTIONS = ["region", "endpoint", "path-style", "anonymous"] as const;

/** @throws {UsageError} when a value makes no sense or a file cannot be read. */
export function httpOptionsFrom(values: SourceValues): HttpOptions {
  refuse(values, S3_OPTIONS, "s3: URLs");
  const { header } = values;
  const options = connectionOptionsFrom(values);
  return header === undefined ? options : { ...options, headers: parseHeaders(header) };
}

/** @throws {UsageError} when a value makes no sense here or a file cannot be read. */
export function s3OptionsFrom(values: SourceValues): S3Options {
  refuse(values, ["header"], "http(s) URLs");
  const { region, endpoint, "path-style": pathStyle, anonymous } = values;
  // Here it is nobody's business but that of who packs the command.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  return {
    http: connectionOptionsFrom(values),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(anonymous === undefined ? {} : { anonymous }),
  };
}

function connectionOptionsFrom(values: SourceValues): S3HttpOptions {
  const { proxy } = values;
  const timeoutMs = timeoutFrom(values);
  return {
    tls: tlsFrom(values),
    ...(proxy === undefined ? {} : { proxy }),
    ...(timeoutMs === undefined
      ? {}
      : {
          connectTimeoutMs: timeoutMs,
          headersTimeoutMs: timeoutMs,
          stallTimeoutMs: timeoutMs,
        }),
  };
}

/** @throws {UsageError} when a value makes no sense here or a file cannot be read. */
export function nbdOptionsFrom(values: SourceValues): NbdOptions {
  refuse(values, ["header", "proxy"], "http(s) URLs");
  refuse(values, S3_OPTIONS, "s3: URLs");
  const timeoutMs = timeoutFrom(values);
  return {
    tls: tlsFrom(values),
    ...(timeoutMs === undefined ? {} : { connectTimeoutMs: timeoutMs, stallTimeoutMs: timeoutMs }),
  };
}

export function isS3({ protocol }: URL): boolean {
  return protocol === "s3:";
}

export function isNbd({ protocol }: URL): boolean {
  return /^nbds?(\+unix)?:$/.test(protocol);
}

/** @throws {UsageError} when a value makes no sense. */
export async function sourceOpener(url: URL, values: SourceValues): Promise<SourceOpener> {
  if (isS3(url)) {
    const { s3 } = await import("../s3/index.ts");
    return understand(() => s3(url, s3OptionsFrom(values)));
  }
  if (!isNbd(url)) return understand(() => http(url.href, httpOptionsFrom(values)));
  const { nbd } = await import("../nbd/index.ts");
  return understand(() => nbd(url.href, nbdOptionsFrom(values)));
}

/** @throws {UsageError} when one of these was given, which are for others. */
function refuse(
  values: SourceValues,
  options: readonly (keyof SourceValues)[],
  others: string,
): void {
  for (const option of options) {
    if (values[option] !== undefined) throw new UsageError(`--${option} is for ${others}`);
  }
}

function tlsFrom({ ca, cert, key }: SourceValues): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca === undefined ? {} : { ca: readOptionFile("ca", ca) }),
    ...(cert === undefined ? {} : { cert: readOptionFile("cert", cert) }),
    ...(key === undefined ? {} : { key: readOptionFile("key", key) }),
  };
}

function timeoutFrom({ timeout }: SourceValues): number | undefined {
  return timeout === undefined ? undefined : parseCount("timeout", timeout) * 1000;
}
