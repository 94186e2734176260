import type { KnownSource, SourceDevice, SourceOpener } from "../../lib/index.ts";
import type { HttpOptions } from "../http/index.ts";
import { type ManifestPlace, verified, withoutRoot } from "../manifest/index.ts";
import type { HydrateBlobOptions } from "./options.ts";

/** What `hydrate` takes for a source. */
export type BlobSource = string | URL | SourceDevice | SourceOpener;

/** A source, open or not. */
export interface Origin {
  /** Whether we open it, and so close it. */
  readonly isOurs: boolean;
  recognizes(identity: string): boolean;
  /** Whether a copy of that identity, which is recognized, can be what is asked for. */
  isCurrent(identity: string, signal: AbortSignal | undefined): Promise<boolean>;
  open(known: KnownSource | undefined, signal: AbortSignal | undefined): Promise<SourceDevice>;
}

/** What opening an HTTP source brings by itself, in bytes. */
const DEFAULT_HEAD: number = 128 * 2 ** 10;

/** @throws {TypeError} for a URL of a kind that is not known. */
export async function originOf(from: BlobSource, options: HydrateBlobOptions): Promise<Origin> {
  const isUrl = typeof from === "string" || from instanceof URL;
  const source = isUrl ? await byScheme(from, options) : from;
  const { manifest, formerManifest } = options;
  if (manifest !== undefined) {
    const url = isUrl ? new URL(from) : undefined;
    const opener = verified(source, {
      manifest,
      ...(formerManifest !== undefined && { formerManifest }),
      http: httpForManifest(manifest, url, options),
    });
    return { ...openerOf(opener), isCurrent: (...known) => opener.isCurrent(...known) };
  }
  if ("open" in source) return openerOf(source);
  return {
    isOurs: false,
    recognizes: (identity) => identity === source.identity,
    isCurrent: () => Promise.resolve(true),
    open: () => Promise.resolve(source),
  };
}

function openerOf(opener: SourceOpener): Origin {
  return {
    isOurs: true,
    // What was verified is still a copy of the source.
    recognizes: (identity) =>
      opener.recognizes(identity) || opener.recognizes(withoutRoot(identity)),
    isCurrent: () => Promise.resolve(true),
    open: (known, signal) => opener.open({ ...(known && { known }), ...(signal && { signal }) }),
  };
}

/** Loads only what the URL needs. */
async function byScheme(url: string | URL, options: HydrateBlobOptions): Promise<SourceOpener> {
  const text = String(url);
  if (!URL.canParse(text)) throw new TypeError(`not a URL: ${text.split("?")[0]}`);
  const { protocol } = new URL(text);
  // What is verified need not be named by the server.
  const unvalidated = options.manifest === undefined ? {} : { allowUnvalidated: true };
  if (protocol === "http:" || protocol === "https:") {
    const { http } = await import("../http/index.ts");
    return http(text, { ...withHead(options.http, options), ...unvalidated });
  }
  if (protocol === "s3:") {
    const { s3 } = await import("../s3/index.ts");
    return s3(url, { ...options.s3, http: withHead(options.s3?.http, options) });
  }
  if (/^nbds?(\+unix)?:$/.test(protocol)) {
    const { nbd } = await import("../nbd/index.ts");
    return nbd(text, { ...options.nbd, ...unvalidated });
  }
  throw new TypeError(`no source for ${protocol} URLs; http:, https:, s3: and nbd: are known`);
}

/** Unless told otherwise the opening request brings the first region whole. */
function withHead<Options extends { head?: number; tail?: number }>(
  http: Options | undefined,
  { regionSize = 0 }: HydrateBlobOptions,
): Options | { head?: number } {
  const { head, tail } = http ?? {};
  const isTold = head !== undefined || tail !== undefined || regionSize <= DEFAULT_HEAD;
  return isTold ? (http ?? {}) : { ...http, head: regionSize };
}

/** How to connect is the same for both. What is secret is for the source's own origin alone. */
function httpForManifest(
  manifest: ManifestPlace,
  url: URL | undefined,
  { http = {} }: HydrateBlobOptions,
): HttpOptions {
  const { headers, tls, proxy, connectTimeoutMs, headersTimeoutMs, stallTimeoutMs } = http;
  const isPlace = typeof manifest === "string" || manifest instanceof URL;
  const place = isPlace ? String(manifest) : "";
  const isAlike = URL.canParse(place) && new URL(place).origin === url?.origin;
  const trusted = tls?.ca === undefined ? undefined : { ca: tls.ca };
  const shownTls = isAlike ? tls : trusted;
  return {
    ...(isAlike && headers && { headers }),
    ...(shownTls && { tls: shownTls }),
    ...(proxy !== undefined && { proxy }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
}
