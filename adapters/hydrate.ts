import { existsSync } from "node:fs";
import {
  Clone,
  type CloneBehavior,
  type DestinationDevice,
  HeadwaterError,
  type SourceDevice,
  type SourceOpener,
} from "../lib/index.ts";
import { LocalCopy } from "./file/index.ts";
import type { HttpOptions } from "./http/index.ts";
import type { NbdOptions } from "./nbd/index.ts";
import type { S3Options } from "./s3/index.ts";

export * from "../lib/index.ts";

export interface HydrateBlobOptions extends CloneBehavior {
  /** Replace a file that is not a copy of ours, or a finished copy of something else. */
  overwrite?: boolean;
  /** Give up local data that cannot be continued, even what a user wrote. */
  discardLocal?: boolean;
  /** Ask the source now whether it is still the same, and start over if not. Costs a request. */
  revalidate?: boolean;
  /** Ends the opening. The clone that was opened does not listen to it any more. */
  signal?: AbortSignal;
  /** For `http:` and `https:` URLs. */
  http?: HttpOptions;
  /** For `nbd:`, `nbds:`, `nbd+unix:` and `nbds+unix:` URIs. */
  nbd?: NbdOptions;
  /** For `s3:` URLs. */
  s3?: S3Options;
}

/**
 * Opens a remote blob at once and makes it local in the background.
 *
 * @param from an `http:`, `https:`, `s3:` or NBD URL, what `http(...)` and its like return, or a source device
 *   that the caller closes.
 * @param to a path: the data is in `<path>.partial` until it is whole, then the file is an ordinary
 *   one. Or a destination device that the caller closes.
 * @throws {TypeError} for a URL of a kind that is not known.
 * @throws {HeadwaterError} `EXISTS`, `LOCKED`, `DIVERGED`, `MAP_CORRUPT`, `SOURCE_CHANGED`,
 *   `DESTINATION_FULL` for what is found at the path; what opening the source throws.
 */
export async function hydrate(
  from: string | URL | SourceDevice | SourceOpener,
  to: string | DestinationDevice,
  options: HydrateBlobOptions = {},
): Promise<Clone> {
  const origin = await originOf(from, options);
  if (typeof to === "string") return openLocal(origin, to, options);
  const source = await origin.open(undefined, options.signal);
  try {
    return await Clone.open({ ...options, source, destination: to, ownsSource: origin.isOurs });
  } catch (error) {
    if (origin.isOurs) await source.close();
    throw error;
  }
}

/** What opening an HTTP source brings by itself, in bytes. */
const DEFAULT_HEAD: number = 128 * 2 ** 10;

/** A source, open or not. */
interface Origin {
  /** Whether we open it, and so close it. */
  readonly isOurs: boolean;
  recognizes(identity: string): boolean;
  open(
    known: { size: number; identity: string } | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SourceDevice>;
}

async function originOf(
  from: string | URL | SourceDevice | SourceOpener,
  options: HydrateBlobOptions,
): Promise<Origin> {
  if (typeof from === "string" || from instanceof URL)
    return openerOf(await byScheme(from, options));
  if ("open" in from) return openerOf(from);
  return {
    isOurs: false,
    recognizes: (identity) => identity === from.identity,
    open: () => Promise.resolve(from),
  };
}

function openerOf(opener: SourceOpener): Origin {
  return {
    isOurs: true,
    recognizes: (identity) => opener.recognizes(identity),
    open: (known, signal) => opener.open({ ...(known && { known }), ...(signal && { signal }) }),
  };
}

/** Loads only what the URL needs. */
async function byScheme(url: string | URL, options: HydrateBlobOptions): Promise<SourceOpener> {
  const text = String(url);
  if (!URL.canParse(text)) throw new TypeError(`not a URL: ${text.split("?")[0]}`);
  const { protocol } = new URL(text);
  if (protocol === "http:" || protocol === "https:") {
    const { http } = await import("./http/index.ts");
    return http(text, withHead(options.http, options));
  }
  if (protocol === "s3:") {
    const { s3 } = await import("./s3/index.ts");
    return s3(url, { ...options.s3, http: withHead(options.s3?.http, options) });
  }
  if (/^nbds?(\+unix)?:$/.test(protocol)) {
    const { nbd } = await import("./nbd/index.ts");
    return nbd(text, options.nbd);
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

async function openLocal(
  origin: Origin,
  path: string,
  options: HydrateBlobOptions,
): Promise<Clone> {
  const { overwrite = false, discardLocal = false, signal } = options;
  const early = openEarly(origin, path, signal);
  let local: LocalCopy | undefined;
  let source: SourceDevice | undefined;
  try {
    local = await LocalCopy.open(path, { overwrite, discardLocal, ...(signal && { signal }) });
    const copy = local;
    const found = copy.known?.identity;
    if (copy.state === "finished") checkFinished(origin, path, found, options);
    source = await openSource(origin, copy, options, early?.source);
    const isOther = source !== undefined && found !== undefined && source.identity !== found;
    const isVersion = source?.changedSince !== undefined && origin.recognizes(found ?? "");
    const isRestarted = isOther && !(isVersion && copy.stored?.written === false);
    if (isRestarted) await copy.restart();
    const { regionSize, noHydration: sparse = false } = options;
    if (source !== undefined && copy.state === "new") {
      await copy.create({ size: source.size, sparse, ...(regionSize && { regionSize }) });
    } else if (copy.state === "partial" && !sparse) await copy.checkRest();
    const clone = await Clone.open({
      ...options,
      ...(source && { source }),
      destination: copy.destination,
      mapStore: copy.mapStore,
      ownsSource: origin.isOurs,
      closed: () => copy.close(),
    });
    if (isRestarted) {
      const event = { found: found ?? "", opened: source?.identity ?? "" };
      // After the caller, who has the clone in a moment, could begin to listen.
      setTimeout(() => clone.emit("restarted", event), 0);
    }
    return clone;
  } catch (error) {
    early?.abort(error);
    if (origin.isOurs) await source?.close();
    await local?.close();
    throw error;
  }
}

/** The source, where the local copy needs one. */
async function openSource(
  origin: Origin,
  copy: LocalCopy,
  options: HydrateBlobOptions,
  early: Promise<SourceDevice> | undefined,
): Promise<SourceDevice | undefined> {
  const { revalidate = false, signal } = options;
  const { known } = copy;
  const isKnown = known !== undefined && origin.recognizes(known.identity);
  if (copy.state === "finished" && isKnown && !revalidate) return undefined;
  return early ?? origin.open(isKnown && !revalidate ? known : undefined, signal);
}

/** Asks the source while the disk is looked at, where there is nothing on it yet. */
function openEarly(
  origin: Origin,
  path: string,
  signal: AbortSignal | undefined,
): { source: Promise<SourceDevice>; abort(reason: unknown): void } | undefined {
  if (!origin.isOurs || existsSync(path) || existsSync(`${path}.headwater`)) return undefined;
  const ending = new AbortController();
  const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const source = origin.open(undefined, either);
  source.catch(() => {}); // whoever needs it waits for it
  return { source, abort: (reason) => ending.abort(reason) };
}

function checkFinished(
  origin: Origin,
  path: string,
  found: string | undefined,
  options: HydrateBlobOptions,
): void {
  if (found === undefined || origin.recognizes(found) || options.overwrite === true) return;
  throw new HeadwaterError(
    "EXISTS",
    `${path} is a finished copy of ${found}; choose another path, or set overwrite`,
  );
}
