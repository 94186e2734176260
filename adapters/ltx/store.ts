import type { ReadOptions } from "../../lib/index.ts";

/** An object as a listing names it. */
export interface StoredObject {
  /** From the root of the replica, with `/` between its parts. */
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970; undefined where the store does not say. */
  readonly modifiedMs: number | undefined;
}

/** A part of a listing. */
export interface Listing {
  /** In ascending order of their keys. */
  readonly objects: readonly StoredObject[];
  /** What `after` has to be for the next part; undefined where this was the last. */
  readonly next: string | undefined;
}

/** At most so many objects are in one listing. */
export const LISTING_SIZE = 1000;

/**
 * How a replica names the folders of its levels: `ltx/<decimal>/` in files and on most servers,
 * `<four hexadecimal digits>/` in S3.
 */
export type ReplicaLayout = "ltx" | "s3";

/**
 * Where a replica's files are, to be read. Every call is one request, but where an implementation
 * says otherwise; it reports to the meter what it cost.
 */
export interface ObjectSource extends AsyncDisposable {
  /** The URL of the root, for people and identities: without a secret, without a `/` at its end. */
  readonly name: string;
  /** The layout that replicas in such a store have, unless told otherwise. */
  readonly layout: ReplicaLayout;

  /**
   * Lists what lies directly in the folder `prefix`, which ends with a `/`, by keys beyond `after`.
   * A folder that does not exist is empty.
   *
   * @throws {HeadwaterError} `SOURCE_FAILED` when the store cannot be listed.
   */
  list(prefix: string, after: string, options?: ReadOptions): Promise<Listing>;

  /**
   * Reads the `length` bytes at `offset`: all of them, on an ArrayBuffer of their own.
   *
   * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when the object is gone; `SOURCE_CHANGED` when it
   *   has another size than was listed; `SHORT_READ`.
   */
  read(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): Promise<Uint8Array>;

  /** The same bytes in pieces, as they arrive. Leaving the iteration ends the request. */
  stream(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): AsyncIterable<Uint8Array>;

  /** Takes back pieces of streams, or parts of them, as a source device does. */
  release?(pieces: readonly Uint8Array[]): void;

  /** Ends what is under way with `CLOSED`. Calling it again is harmless. */
  close(): Promise<void>;
}

export interface PutOptions {
  /** Only where there is no object of this key: of two that put it at once, one succeeds. */
  ifAbsent?: boolean;
  signal?: AbortSignal;
}

/** Where replicas are written too. */
export interface ObjectStore extends ObjectSource {
  /**
   * Stores the object: it is there whole, or not at all, and survives a crash once this resolves.
   *
   * @throws {HeadwaterError} `EXISTS` where it was to be absent, and is not.
   */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;
}
