import { HeadwaterError } from "../../lib/index.ts";

/** What is needed of a clone here: the package's own clones have it, and so have devices. */
export interface ReadableBlob {
  readonly size: number;
  /** Short or empty past the end; a buffer of its own, of exactly that length. */
  read(
    offset: number,
    length: number,
    options?: { signal?: AbortSignal; exact?: boolean },
  ): Promise<Uint8Array>;
  /** Has ranges fetched that will soon be read. */
  prefetch?(ranges: readonly { offset: number; length: number }[]): void;
  /** Names what the bytes are of. Without it nobody notices that they have changed. */
  status?(): BlobState;
}

/** Of which version a blob is, as far as that can be said. */
export interface BlobState {
  readonly identity: string;
  readonly strongIdentity: boolean;
  /** Whether a user has changed it. */
  readonly written: boolean;
}

/** Throws once the blob is of another version than when it was called. */
export function guardVersion(blob: ReadableBlob): () => void {
  const { size } = blob;
  const identity = blob.status?.().identity;
  return () => {
    const found = blob.status?.().identity;
    if (found === identity && blob.size === size) return;
    throw new HeadwaterError(
      "SOURCE_CHANGED",
      found === identity
        ? `the blob had ${size} bytes when this was begun, and has ${blob.size} now`
        : `this was begun on ${identity}, and the clone is of ${found} now`,
    );
  };
}
