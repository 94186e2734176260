import { type FileHandle, open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { HeadwaterError, type HeadwaterErrorCode, type ReadOptions } from "../../lib/index.ts";
import type { HttpOptions } from "../http/index.ts";
import { Manifest, type ManifestBytes } from "./manifest.ts";

/** Where a manifest is: a path, a `file:`, `http:` or `https:` URL, its bytes, or one that is open. */
export type ManifestPlace = string | URL | Uint8Array | Manifest;

export interface OpenManifestOptions {
  signal?: AbortSignal;
  /** For `http:` and `https:` URLs. */
  http?: HttpOptions;
}

/**
 * Opens a manifest, which the caller closes. One that is open already is returned as it is.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is not a whole manifest, `SOURCE_NOT_FOUND` or
 *   `SOURCE_FAILED` when it cannot be read.
 */
export async function openManifest(
  place: ManifestPlace,
  options: OpenManifestOptions = {},
): Promise<Manifest> {
  if (place instanceof Manifest) return place;
  return Manifest.read(await bytesAt(place, options), signalOf(options));
}

async function bytesAt(
  place: string | URL | Uint8Array,
  options: OpenManifestOptions,
): Promise<ManifestBytes> {
  if (place instanceof Uint8Array) return bytesInMemory(place);
  const url = urlOf(place);
  if (url === undefined) return fileBytes(String(place));
  if (url.protocol === "file:") return fileBytes(fileURLToPath(url));
  const { http } = await import("../http/index.ts");
  return http(url, options.http).open(signalOf(options));
}

function signalOf({ signal }: OpenManifestOptions): ReadOptions {
  return signal === undefined ? {} : { signal };
}

/** Undefined for a path. */
function urlOf(place: string | URL): URL | undefined {
  if (place instanceof URL) return place;
  return /^(?:https?|file):\/\//i.test(place) ? new URL(place) : undefined;
}

function bytesInMemory(bytes: Uint8Array): ManifestBytes {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
}

/** Stays open, so that another file may take its name meanwhile. */
async function fileBytes(path: string): Promise<ManifestBytes> {
  try {
    const file = await open(path, "r");
    const { size } = await file.stat();
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      readAt(file, offset, length).catch((cause) => {
        throw unreadable(path, "SOURCE_FAILED", cause);
      });
    return { size, read, close: () => file.close() };
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw unreadable(path, isMissing ? "SOURCE_NOT_FOUND" : "SOURCE_FAILED", cause);
  }
}

/** Fewer bytes where it has become shorter: then their checksum is wrong. */
async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function unreadable(path: string, code: HeadwaterErrorCode, cause: unknown): HeadwaterError {
  return new HeadwaterError(code, `the manifest ${path} cannot be read`, { cause });
}
