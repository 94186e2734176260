import {
  HeadwaterError,
  type KnownSource,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import type { HttpOptions } from "../http/index.ts";
import { rootOf, withoutRoot } from "./identity.ts";
import type { Manifest } from "./manifest.ts";
import { type ManifestPlace, openManifest } from "./open-manifest.ts";
import { VerifiedSource } from "./verified-source.ts";

export interface VerifiedOptions {
  /** What every byte is verified by. What is at a path or URL is read anew at each opening. */
  manifest: ManifestPlace;
  /**
   * That of a former version. A copy that was verified by it advances without being read: only what
   * differs is fetched. Without it the copy's own bytes are compared.
   */
  formerManifest?: ManifestPlace;
  /** For a manifest at an `http:` or `https:` URL. */
  http?: HttpOptions;
}

/** Opens a source whose bytes are verified by a manifest before anybody has them. */
export interface VerifiedOpener extends SourceOpener {
  open(options?: { known?: KnownSource; signal?: AbortSignal }): Promise<VerifiedSource>;
  /** Whether a copy of that identity is of the content that the manifest names now. */
  isCurrent(identity: string, signal?: AbortSignal): Promise<boolean>;
}

/**
 * A source with a manifest. It fetches whole blocks, and hands on none with another digest: that is
 * a `DIGEST_MISMATCH`, which is tried again as any failure of a source is.
 *
 * @param from an opener; or a device, which the caller closes. A device is pinned by itself; what
 *   an opener opens goes on with the same ETag, or its like, while the manifest's root is the same.
 */
export function verified(
  from: SourceDevice | SourceOpener,
  options: VerifiedOptions,
): VerifiedOpener {
  return {
    open: ({ known, signal } = {}) => openVerified(from, options, known, signal),
    recognizes: (identity) => {
      const given = withoutRoot(identity);
      return "open" in from ? from.recognizes(given) : from.identity === given;
    },
    isCurrent: async (identity, signal) => {
      const manifest = await manifestAt(options.manifest, options, signal);
      await letGo(manifest, options);
      return rootOf(identity) === manifest.root;
    },
  };
}

/** @param before the manifest of the version that this one follows, if it does. */
async function openVerified(
  from: SourceDevice | SourceOpener,
  options: VerifiedOptions,
  known?: KnownSource,
  signal?: AbortSignal,
  before?: Manifest,
): Promise<VerifiedSource> {
  const manifests: Manifest[] = [];
  const open = async (place: ManifestPlace): Promise<Manifest> => {
    const manifest = await manifestAt(place, options, signal);
    manifests.push(manifest);
    return manifest;
  };
  let inner: SourceDevice | undefined;
  const close = async (): Promise<void> => {
    if ("open" in from) await inner?.close();
    for (const manifest of manifests) await letGo(manifest, options);
  };
  try {
    const manifest = await open(options.manifest);
    const place = options.formerManifest;
    const former = before ?? (place === undefined ? undefined : await open(place));
    inner = await openInner(from, knownInner(known, manifest), signal);
    checkSize(inner, manifest);
    const parts = { inner, manifest, close, ...(former && { former }) };
    if (!("open" in from)) return new VerifiedSource(parts);
    const successor = (last: Manifest, signal?: AbortSignal): Promise<VerifiedSource> =>
      openVerified(from, options, undefined, signal, last);
    return new VerifiedSource({ ...parts, successor });
  } catch (error) {
    await close();
    throw error;
  }
}

function manifestAt(
  place: ManifestPlace,
  { http }: VerifiedOptions,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  return openManifest(place, { ...(signal && { signal }), ...(http && { http }) });
}

/** What was open before stays open. */
async function letGo(manifest: Manifest, options: VerifiedOptions): Promise<void> {
  const isGiven = manifest === options.manifest || manifest === options.formerManifest;
  if (!isGiven) await manifest.close();
}

async function openInner(
  from: SourceDevice | SourceOpener,
  known: KnownSource | undefined,
  signal: AbortSignal | undefined,
): Promise<SourceDevice> {
  if (!("open" in from)) return from;
  return from.open({ ...(known && { known }), ...(signal && { signal }) });
}

/** A copy of another content, or of one that nobody verified, goes on with what there is now. */
function knownInner(known: KnownSource | undefined, { root }: Manifest): KnownSource | undefined {
  if (known === undefined || rootOf(known.identity) !== root) return undefined;
  return { size: known.size, identity: withoutRoot(known.identity) };
}

function checkSize(inner: SourceDevice, manifest: Manifest): void {
  if (inner.size === manifest.size) return;
  throw new HeadwaterError(
    "DIGEST_MISMATCH",
    `${inner.identity} has ${inner.size} bytes, and its manifest is of ${manifest.size}`,
  );
}
