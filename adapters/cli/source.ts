import type { SourceOpener } from "../../lib/index.ts";
import { type HttpOptions, http } from "../http/index.ts";
import type { NbdOptions } from "../nbd/index.ts";
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
}

/** @throws {UsageError} when a value makes no sense or a file cannot be read. */
export function httpOptionsFrom(values: SourceValues): HttpOptions {
  const { header, proxy } = values;
  const timeoutMs = timeoutFrom(values);
  return {
    tls: tlsFrom(values),
    ...(header === undefined ? {} : { headers: parseHeaders(header) }),
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
  for (const option of ["header", "proxy"] as const) {
    if (values[option] !== undefined) throw new UsageError(`--${option} is for http(s) URLs`);
  }
  const timeoutMs = timeoutFrom(values);
  return {
    tls: tlsFrom(values),
    ...(timeoutMs === undefined ? {} : { connectTimeoutMs: timeoutMs, stallTimeoutMs: timeoutMs }),
  };
}

export function isNbd({ protocol }: URL): boolean {
  return /^nbds?(\+unix)?:$/.test(protocol);
}

/** @throws {UsageError} when a value makes no sense. */
export async function sourceOpener(url: URL, values: SourceValues): Promise<SourceOpener> {
  if (!isNbd(url)) return understand(() => http(url.href, httpOptionsFrom(values)));
  const { nbd } = await import("../nbd/index.ts");
  return understand(() => nbd(url.href, nbdOptionsFrom(values)));
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
