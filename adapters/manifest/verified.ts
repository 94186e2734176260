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
  const open = (signal: AbortSignal | undefined): Promise<Manifest> => {
    const { manifest, http } = options;
    return openManifest(manifest, { ...(signal && { signal }), ...(http && { http }) });
  };
  const letGo = async (manifest: Manifest): Promise<void> => {
    if (manifest !== options.manifest) await manifest.close();
  };
  return {
    open: async ({ known, signal } = {}) => {
      const manifest = await open(signal);
      let inner: SourceDevice | undefined;
      const close = async (): Promise<void> => {
        if ("open" in from) await inner?.close();
        await letGo(manifest);
      };
      try {
        inner = await openInner(from, knownInner(known, manifest), signal);
        checkSize(inner, manifest);
        return new VerifiedSource({ inner, manifest, close });
      } catch (error) {
        await close();
        throw error;
      }
    },
    recognizes: (identity) => {
      const given = withoutRoot(identity);
      return "open" in from ? from.recognizes(given) : from.identity === given;
    },
    isCurrent: async (identity, signal) => {
      const manifest = await open(signal);
      await letGo(manifest);
      return rootOf(identity) === manifest.root;
    },
  };
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
