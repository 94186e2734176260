import { parseArgs } from "node:util";
import type { HydrateBlobOptions } from "../hydrate.ts";
import type { NbdAddress, NbdTls } from "../nbd/index.ts";
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

/** What `headwater serve` was asked for. */
export interface ServeRequest {
  readonly url: URL;
  readonly file: string;
  readonly options: HydrateBlobOptions;
  readonly address: NbdAddress;
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
  const url = parseUrl(given);
  if (values.nbd === undefined) {
    throw new UsageError("say where to serve it: --nbd SOCKET-PATH or --nbd HOST:PORT");
  }
  const { "tls-cert": cert, "tls-key": key, "tls-ca": ca } = values;
  return {
    url,
    file: named ?? fileNameOf(url),
    options: copyOptions(url, values),
    address: parseAddress(values.nbd),
    exportName: values["export-name"] ?? "",
    writable: values.writable ?? false,
    tls: parseTls(cert, key, ca),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  };
}

/** HOST:PORT and :PORT are of TCP; everything else is a path. */
export function parseAddress(text: string): NbdAddress {
  const [, host = "", digits] = /^(\[[^/[\]]+\]|[^/:]*):(\d+)$/.exec(text) ?? [];
  if (text === "") throw new UsageError("--nbd is empty; write a path or HOST:PORT");
  if (digits === undefined) return { unix: text };
  const port = Number(digits);
  if (port > 65_535) throw new UsageError(`--nbd is "${text}"; a port is 65535 at most`);
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
