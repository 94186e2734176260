import type { AbsolutePath, AsyncReadable, RangeQuery } from "zarrita";
import { isHeadwaterError } from "../lib/index.ts";
import type { HydratableBlob, HydrationWish } from "./named-ranges.ts";
import type { ReadableBlob } from "./streams/index.ts";

/**
 * Gives the blob of a key such as `/temperature/c/0/0`; undefined, or an error with the code
 * `SOURCE_NOT_FOUND`, where there is none, which for a chunk means that it is all fill value.
 */
export type BlobOfKey<Blob extends ReadableBlob = ReadableBlob> = (
  key: AbsolutePath,
) => Promise<Blob | undefined>;

/**
 * A store for zarrita over blobs by key, so that each object of a Zarr hierarchy is a clone of its
 * own: `zarr.open(new ZarrStore(open))`. Each key is opened once; who opened the blobs closes them.
 */
export class ZarrStore<Blob extends ReadableBlob = ReadableBlob> implements AsyncReadable {
  readonly #open: BlobOfKey<Blob>;
  readonly #blobs = new Map<AbsolutePath, Promise<Blob | undefined>>();

  constructor(open: BlobOfKey<Blob>) {
    this.#open = open;
  }

  /** The blob of a key, opened at the first call. */
  blob(key: AbsolutePath): Promise<Blob | undefined> {
    let blob = this.#blobs.get(key);
    if (blob === undefined) {
      blob = this.#find(key);
      this.#blobs.set(key, blob);
      blob.catch(() => this.#blobs.delete(key)); // so that it can be tried again
    }
    return blob;
  }

  async get(
    key: AbsolutePath,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array | undefined> {
    const blob = await this.blob(key);
    return blob?.read(0, blob.size, options);
  }

  async getRange(
    key: AbsolutePath,
    range: RangeQuery,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array | undefined> {
    const blob = await this.blob(key);
    if (blob === undefined) return undefined;
    if (!("suffixLength" in range)) return blob.read(range.offset, range.length, options);
    const length = Math.min(range.suffixLength, blob.size);
    return blob.read(blob.size - length, length, options);
  }

  async #find(key: AbsolutePath): Promise<Blob | undefined> {
    try {
      return await this.#open(key);
    } catch (error) {
      if (isHeadwaterError(error, "SOURCE_NOT_FOUND")) return undefined;
      throw error;
    }
  }
}

/** Brings the whole of these keys before the rest; what there is not is left out. */
export async function hydrateKeys(
  store: ZarrStore<HydratableBlob>,
  keys: readonly AbsolutePath[],
  wish: HydrationWish = {},
): Promise<void> {
  const blobs = await Promise.all(keys.map((key) => store.blob(key)));
  await Promise.all(blobs.map((blob) => blob?.hydrate(wish)));
}
