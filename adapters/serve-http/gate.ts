import type { IncomingMessage } from "node:http";

/** Whom a server answers. */
export interface GateOptions {
  /**
   * Names under which the server may be asked, besides IP addresses and `localhost`. A page of
   * another site could have its own name lead here.
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Origins of pages that may read, like `https://example.org`, besides those on loopback; or "*"
   * for all.
   */
  readonly origins?: readonly string[] | "*";
}

/** A request as it was let in. */
export interface Admitted {
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Why a request was not let in. */
export interface Refused {
  readonly status: 400 | 403 | 421;
  readonly message: string;
}

const EXPOSED = "accept-ranges, content-length, content-range, etag, last-modified";

/** Keeps out pages that have no business here: by the name they ask for, and by their origin. */
export class Gate {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string> | "*";

  constructor({ allowedHosts = [], origins = [] }: GateOptions) {
    this.#hosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
    this.#origins = origins === "*" ? "*" : new Set(origins.map(originOf));
  }

  judge(request: IncomingMessage): Admitted | Refused {
    const { origin, host } = request.headers;
    const target = targetOf(request.url ?? "", host);
    if (target === undefined) return { status: 400, message: "the request names no place" };
    if (!this.#isOurs(target.hostname)) {
      const message = `${target.hostname} is not served here; allowedHosts names what is`;
      return { status: 421, message };
    }
    const headers = {
      vary: "origin",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": this.#origins === "*" ? "cross-origin" : "same-site",
    };
    if (origin === undefined) return { path: target.pathname, headers };
    if (!this.#mayRead(origin)) {
      return {
        status: 403,
        message: `pages of ${origin} may not read here; origins names who may`,
      };
    }
    const cors = {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED,
    };
    return { path: target.pathname, headers: { ...headers, ...cors } };
  }

  #isOurs(hostname: string): boolean {
    return isAddress(hostname) || isLocalhost(hostname) || this.#hosts.has(hostname);
  }

  #mayRead(origin: string): boolean {
    if (this.#origins === "*" || this.#origins.has(origin)) return true;
    if (!URL.canParse(origin)) return false; // "null"
    const { hostname, protocol } = new URL(origin);
    if (protocol !== "http:" && protocol !== "https:") return false;
    return isLocalhost(hostname) || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  }
}

/** @throws {TypeError} for what is no origin. */
function originOf(text: string): string {
  const isOrigin = URL.canParse(text) && new URL(text).origin === text;
  if (!isOrigin) throw new TypeError(`"${text}" is no origin; write for example https://a.org`);
  return text;
}

/** The request names its host in the target or in Host; the target counts (RFC 9112, 3.2). */
function targetOf(target: string, host: string | undefined): URL | undefined {
  const isPath = target.startsWith("/");
  if (isPath && (host === undefined || !/^[^\s/?#@\\]+$/.test(host))) return undefined;
  const text = isPath ? `http://${host}${target}` : target;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

/** A name that leads here by way of another's DNS is never an address. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

function isLocalhost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost");
}
