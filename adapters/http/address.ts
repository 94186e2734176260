import { type Asked, failure } from "./failures.ts";
import type { HttpHeaders } from "./headers.ts";
import { headerOf, type ResponseHead } from "./response-head.ts";

/** Where requests go: the URL as it was given, or as a redirect has it. */
export interface Address {
  readonly url: URL;
  /** Whether credentials may be sent there. Once a redirect left the origin they never are. */
  readonly trusted: boolean;
  /** In place of all other credentials: for this address and no other. */
  readonly headers?: HttpHeaders;
}

/** The address that was given, and the credentials that stood in it. */
export interface GivenAddress extends Address {
  /** Of the option; how the blob is called in place of the URL. */
  readonly name: string | undefined;
  readonly authorization: string | undefined;
}

/** @throws {TypeError} when this is no HTTP URL. The message does not repeat it. */
export function parseAddress(given: string | URL, name?: string): GivenAddress {
  const text = String(given);
  if (!URL.canParse(text)) throw new TypeError("the URL cannot be parsed");
  const url = new URL(text);
  if (!isHttp(url)) throw new TypeError(`the URL's scheme is ${url.protocol} and not http(s)`);
  return { url, trusted: true, authorization: basicAuthorization(url), name };
}

/** How an address is told to people and kept in an identity: without what may be secret. */
export function nameOf({ url, name }: GivenAddress): string {
  return name ?? url.origin + url.pathname;
}

/** Where a redirect leads; undefined when this is none. */
export function redirectOf(from: Address, head: ResponseHead, asked: Asked): Address | undefined {
  const location = headerOf(head, "location");
  if (!REDIRECTS.includes(head.status) || location === undefined) return undefined;
  if (!URL.canParse(location, from.url.href)) {
    throw failure("SOURCE_FAILED", asked, "redirects to something that is no URL");
  }
  const url = new URL(location, from.url);
  if (!isHttp(url)) {
    throw failure("SOURCE_FAILED", asked, `redirects to ${url.protocol}, which is not http(s)`);
  }
  if (from.url.protocol === "https:" && url.protocol === "http:") {
    throw failure("SOURCE_FAILED", asked, "redirects from https to http, which is refused");
  }
  return { url, trusted: from.trusted && url.origin === from.url.origin };
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(credentials).toString("base64")}`;
  } catch {
    throw new TypeError("the URL's user name or password is not percent-encoded UTF-8");
  }
}
