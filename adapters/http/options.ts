import { checkCount } from "../../lib/index.ts";
import { checkHeaders, type HttpHeaders, type HttpHeadersFunction } from "./headers.ts";
import type { HttpExplain } from "./refusal.ts";
import type { HttpSigner } from "./signing.ts";

/** The client's side of TLS, in PEM. */
export interface HttpTlsOptions {
  /** Trusted instead of the authorities that come with Node. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The client's certificate and key. They are shown to the URL's own origin and no other. */
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  /** Of the key. */
  passphrase?: string;
}

export interface HttpOptions {
  /** How many bytes of the beginning opening brings along. Default 131072. */
  head?: number;
  /** How many bytes of the end it brings along instead, for formats that are read from there. */
  tail?: number;
  /**
   * Sent to the URL's own origin and never to another that it redirects to. A function is called
   * before each request, and once more with `refused` after a 401.
   */
  headers?: HttpHeaders | HttpHeadersFunction;
  /**
   * Gives the URL and the headers of each request, for URLs that expire. Excludes `headers`; a user
   * name in the URL is not sent either.
   */
  sign?: HttpSigner;
  /**
   * How the blob is called in its identity and in messages, in place of the URL. It is a URL of any
   * scheme, without spaces; a copy goes on only under the name with which it began.
   */
  name?: string;
  /** Says what it means that the server refuses something. Default: what its status means. */
  explain?: HttpExplain;
  tls?: HttpTlsOptions;
  /**
   * The URL of an HTTP proxy, or "env" for what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. Default:
   * none, whatever the environment says.
   */
  proxy?: string;
  /** Connections at most for reads that somebody waits for. Default 16. */
  demandConnections?: number;
  /** Connections at most for all others. Default 16. */
  backgroundConnections?: number;
  /** For a connection, with its TLS handshake. Default 10000. */
  connectTimeoutMs?: number;
  /** From a request until its answer begins. Default 30000. */
  headersTimeoutMs?: number;
  /** A body that brings less than 1 KiB in this time is given up. Default 30000. */
  stallTimeoutMs?: number;
  /**
   * Accepts a server that cannot serve parts: what opening brings along is then the whole blob, in
   * one pass from the beginning. Reads of anything else throw `RANGE_UNSUPPORTED`. Default false.
   */
  wholePass?: boolean;
  /**
   * Goes on with a half-done copy though the server gives neither ETag nor Last-Modified, so that
   * nobody can tell whether the blob is still the same. Default false.
   */
  allowUnvalidated?: boolean;
}

/** The options with their defaults, checked. */
export interface HttpSettings {
  /** What opening brings along, and from which end. */
  readonly opening: { readonly from: "start" | "end"; readonly length: number };
  readonly headers: HttpHeaders | HttpHeadersFunction;
  readonly sign: HttpSigner | undefined;
  readonly name: string | undefined;
  readonly explain: HttpExplain | undefined;
  readonly tls: HttpTlsOptions;
  readonly proxy: string | undefined;
  readonly connections: { readonly demand: number; readonly background: number };
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly wholePass: boolean;
  readonly allowUnvalidated: boolean;
}

/** @throws {TypeError | RangeError} when an option makes no sense. */
export function checkOptions(options: HttpOptions): HttpSettings {
  const { head, tail, headers = {}, sign, name, tls = {}, proxy } = options;
  const { demandConnections = 16, backgroundConnections = 16 } = options;
  const { connectTimeoutMs = 10_000, headersTimeoutMs = 30_000, stallTimeoutMs = 30_000 } = options;
  if (head !== undefined && tail !== undefined) {
    throw new TypeError("head and tail exclude each other: opening is one request");
  }
  if (sign !== undefined && options.headers !== undefined) {
    throw new TypeError("headers and sign exclude each other: what signs gives the headers too");
  }
  if (name !== undefined && !NAME.test(name)) throw new TypeError("name is no URL without spaces");
  if (typeof headers !== "function") checkHeaders(headers);
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError("tls.cert and tls.key are given together");
  }
  return {
    opening:
      tail === undefined
        ? { from: "start", length: checkCount("head", head ?? 128 * 2 ** 10) }
        : { from: "end", length: checkCount("tail", tail) },
    headers,
    sign,
    name,
    explain: options.explain,
    tls,
    proxy: proxy === undefined || proxy === "env" ? proxy : checkProxy(proxy),
    connections: {
      demand: checkCount("demandConnections", demandConnections),
      background: checkCount("backgroundConnections", backgroundConnections),
    },
    connectTimeoutMs: checkTimeout("connectTimeoutMs", connectTimeoutMs),
    headersTimeoutMs: checkTimeout("headersTimeoutMs", headersTimeoutMs),
    stallTimeoutMs: checkTimeout("stallTimeoutMs", stallTimeoutMs),
    wholePass: options.wholePass ?? false,
    allowUnvalidated: options.allowUnvalidated ?? false,
  };
}

const NAME: RegExp = /^[a-z][a-z0-9+.-]*:\/\/\S+$/;

/** What a timer can hold. */
const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

function checkTimeout(name: string, value: number): number {
  if (checkCount(name, value) <= MAX_TIMEOUT_MS) return value;
  throw new RangeError(`${name} is ${value}; at most ${MAX_TIMEOUT_MS} is possible`);
}

/** The URL may hold a password, so no message repeats it. */
function checkProxy(proxy: string): string {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return proxy;
  throw new TypeError('proxy is neither "env" nor the URL of an HTTP proxy');
}
