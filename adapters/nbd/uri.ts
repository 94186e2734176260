import { resolve } from "node:path";
import { DEFAULT_PORT, MAX_STRING } from "./protocol.ts";

/** Where a server listens. */
export type ServerAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** What an NBD URI says. */
export interface NbdUri {
  readonly address: ServerAddress;
  readonly exportName: string;
  /** Whether nothing but the request for TLS may be sent in the clear. */
  readonly tls: boolean;
  /** The name that the server's certificate must be for. */
  readonly tlsHostname: string;
  /** A folder with `ca-cert.pem`, and with `client-cert.pem` and `client-key.pem` if needed. */
  readonly tlsCertificates: string | undefined;
  /** The URI as it is told to people and kept in an identity: the same for the same export. */
  readonly name: string;
}

/**
 * Parses `nbd://host:port/export`, `nbd+unix:///export?socket=/path` and the same with `nbds`, as
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md has it. A user name is ignored:
 * it belongs to a kind of TLS that is not supported.
 *
 * @throws {TypeError} when it is none, or asks for what is not supported. The URI is not repeated.
 */
export function parseUri(given: string | URL): NbdUri {
  const text = String(given);
  const { scheme = "", authority = "", path = "" } = URI.exec(text)?.groups ?? {};
  if (scheme === "" || !URL.canParse(text)) throw new TypeError(`the NBD URI is not like ${LIKE}`);
  const { searchParams } = new URL(text);
  const isUnix = scheme.endsWith("+unix");
  checkParameters(searchParams, isUnix);

  const address = isUnix ? unixAddress(authority, searchParams) : tcpAddress(authority);
  // The path itself, and not as `URL` has it, which resolves `..`.
  const exportName = decode(path.slice(1));
  if (Buffer.byteLength(exportName) > MAX_STRING || exportName.includes("\0")) {
    throw new TypeError(`an export name has at most ${MAX_STRING} bytes, none of them NUL`);
  }
  return {
    address,
    exportName,
    tls: scheme.startsWith("nbds"),
    tlsHostname:
      searchParams.get("tls-hostname") ?? ("host" in address ? address.host : "localhost"),
    tlsCertificates: searchParams.get("tls-certificates") ?? undefined,
    name: nameOf(scheme, address, exportName),
  };
}

const URI: RegExp =
  /^(?<scheme>nbds?(?:\+unix)?):\/\/(?<authority>[^/?#]*)(?<path>(?:\/[^?#]*)?)(?:\?[^#]*)?$/;

const LIKE = "nbd://host:10809/export or nbd+unix:///export?socket=/path (nbds for TLS)";

const KNOWN_PARAMETERS: readonly string[] = ["tls-certificates", "tls-hostname", "tls-type"];

function checkParameters(parameters: URLSearchParams, isUnix: boolean): void {
  for (const [key, value] of parameters) {
    if (key === "socket" && isUnix) continue;
    if (key === "tls-verify-peer") {
      if (value === "1" || value === "true") continue;
      throw new TypeError(
        "tls-verify-peer: give the server's authority in the `ca` option instead",
      );
    }
    if (key === "tls-type" && value !== "x509") {
      throw new TypeError("tls-type: only x509 is supported");
    }
    if (!KNOWN_PARAMETERS.includes(key)) {
      throw new TypeError(`the NBD URI has a parameter "${key}", which is not known`);
    }
  }
}

function unixAddress(authority: string, parameters: URLSearchParams): ServerAddress {
  const path = parameters.get("socket");
  if (path === null || path === "") {
    throw new TypeError("the NBD URI names no socket: add ?socket=/path");
  }
  if (authority !== "") {
    throw new TypeError("the NBD URI has a host and a socket: write nbd+unix:///export?socket=...");
  }
  return { path };
}

function tcpAddress(authority: string): ServerAddress {
  const [, literal, name = "", digits = ""] = AUTHORITY.exec(authority) ?? [];
  const port = digits === "" ? DEFAULT_PORT : Number(digits);
  if (!AUTHORITY.test(authority) || port < 1 || port > 65_535) {
    throw new TypeError("the NBD URI's host or port makes no sense");
  }
  const host = literal ?? decode(name).toLowerCase();
  return { host: host === "" ? "localhost" : host, port };
}

/** User information, then a literal IPv6 address or a name, then a port. */
const AUTHORITY: RegExp = /^(?:[^@]*@)?(?:\[([0-9a-fA-F:.%]+)\]|([^:@[\]]*))(?::(\d*))?$/;

function nameOf(scheme: string, address: ServerAddress, exportName: string): string {
  const path = exportName.split("/").map(encodeURIComponent).join("/");
  if ("path" in address) {
    // An abstract socket's name begins with NUL; any other is found from the working folder.
    const absolute = address.path.startsWith("\0") ? address.path : resolve(address.path);
    const socket = absolute.split("/").map(encodeURIComponent).join("/");
    return `${scheme}:///${path}?socket=${socket}`;
  }
  const host = address.host.includes(":") ? `[${address.host}]` : encodeURIComponent(address.host);
  return `${scheme}://${host}:${address.port}/${path}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("the NBD URI is not percent-encoded UTF-8");
  }
}
