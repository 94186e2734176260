import type { SourceOpener } from "../../lib/index.ts";
import { type HttpOptions, http } from "../http/index.ts";
import { parseCount, parseHeaders, readOptionFile, understand } from "./command-line.ts";

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
  const { header, ca, cert, key, proxy, timeout } = values;
  const timeoutMs = timeout === undefined ? undefined : parseCount("timeout", timeout) * 1000;
  const tls = {
    ...(ca === undefined ? {} : { ca: readOptionFile("ca", ca) }),
    ...(cert === undefined ? {} : { cert: readOptionFile("cert", cert) }),
    ...(key === undefined ? {} : { key: readOptionFile("key", key) }),
  };
  return {
    tls,
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

/** @throws {UsageError} when a value makes no sense. */
export function sourceOpener(url: URL, values: SourceValues): SourceOpener {
  return understand(() => http(url.href, httpOptionsFrom(values)));
}
