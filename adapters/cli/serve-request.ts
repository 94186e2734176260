import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { HydrateBlobOptions } from "../hydrate.ts";
import type { NbdAddress, NbdTls } from "../nbd/index.ts";
import type { HttpServerOptions } from "../serve-http/index.ts";
import {
  fileNameOf,
  parseUrl,
  readOptionFile,
  takePositionals,
  understand,
} from "./command-line.ts";
import { UsageError } from "./exit-codes.ts";
import { copyOptions } from "./hydrate-request.ts";
import { COPY_OPTIONS, JSON_OPTION, SERVE_OPTIONS, SOURCE_OPTIONS } from "./options.ts";

/** Where a server over HTTP is, and whom it answers. */
export type HttpPlace = Required<
  Pick<HttpServerOptions, "host" | "port" | "allowedHosts" | "origins">
>;

/** What `headwater serve` was asked for. */
export interface ServeRequest {
  /** Undefined where the file is here already. */
  readonly url: URL | undefined;
  readonly file: string;
  readonly options: HydrateBlobOptions;
  readonly nbd: NbdAddress | undefined;
  readonly http: HttpPlace | undefined;
  readonly exportName: string;
  readonly writable: boolean;
  readonly tls: NbdTls | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

const OPTIONS = { ...COPY_OPTIONS, ...SERVE_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS } as const;

/** @throws {UsageError} */
export function parseServeRequest(args: readonly string[]): ServeRequest {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = "", named] = takePositionals(positionals, ["URL", "file"], 1);
  const { nbd, http } = values;
  if (nbd === undefined && http === undefined) {
    const ways = "--http PORT, --nbd SOCKET-PATH or --nbd HOST:PORT";
    throw new UsageError(`say where to serve it: ${ways}`);
  }
  const url = isFile(given) && named === undefined ? undefined : parseUrl(given);
  const { "tls-cert": cert, "tls-key": key, "tls-ca": ca } = values;
  return {
    url,
    file: url === undefined ? given : (named ?? fileNameOf(url)),
    options: copyOptions(url ?? pathToFileURL(given), values),
    nbd: nbd === undefined ? undefined : parseAddress(nbd),
    http: http === undefined ? undefined : parseHttpPlace(http, values),
    exportName: values["export-name"] ?? "",
    writable: values.writable ?? false,
    tls: parseTls(cert, key, ca),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  };
}

/** What is no URL, and is here. */
function isFile(given: string): boolean {
  return !URL.canParse(given) && (statSync(given, { throwIfNoEntry: false })?.isFile() ?? false);
}

function parseHttpPlace(
  text: string,
  values: { "allow-host"?: string[]; "allow-origin"?: string[] },
): HttpPlace {
  const [, host = "", digits] = /^(?:(\[[^/[\]]+\]|[^/:]*):)?(\d+)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new UsageError(`--http is "${text}"; write PORT or HOST:PORT`);
  }
  const origins = values["allow-origin"] ?? [];
  return {
    host: host === "" ? "127.0.0.1" : host.replace(/^\[|\]$/g, ""),
    port: parsePort("http", text, digits),
    allowedHosts: values["allow-host"] ?? [],
    origins: origins.includes("*") ? "*" : origins,
  };
}

function parsePort(option: string, text: string, digits: string): number {
  const port = Number(digits);
  if (port <= 65_535) return port;
  throw new UsageError(`--${option} is "${text}"; a port is 65535 at most`);
}

/** HOST:PORT and :PORT are of TCP; everything else is a path. */
export function parseAddress(text: string): NbdAddress {
  const [, host = "", digits] = /^(\[[^/[\]]+\]|[^/:]*):(\d+)$/.exec(text) ?? [];
  if (text === "") throw new UsageError("--nbd is empty; write a path or HOST:PORT");
  if (digits === undefined) return { unix: text };
  const port = parsePort("nbd", text, digits);
  return host === "" ? { port } : { port, host: host.replace(/^\[|\]$/g, "") };
}

function parseTls(
  cert: string | undefined,
  key: string | undefined,
  ca: string | undefined,
): NbdTls | undefined {
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError("TLS takes both --tls-cert and --tls-key");
  }
  return {
    cert: readOptionFile("tls-cert", cert),
    key: readOptionFile("tls-key", key),
    ...(ca === undefined ? {} : { ca: readOptionFile("tls-ca", ca) }),
  };
}
