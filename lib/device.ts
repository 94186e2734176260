/** Why bytes are fetched. A demand read has somebody waiting for it; a background one has not. */
export type RequestClass = "demand" | "background";

/** A source reports here what a call really cost its origin, the moment it is spent. */
export interface Meter {
  /** One request left for the origin. */
  request(): void;
  /** So many bytes of a body arrived, wanted or not. */
  bytes(count: number): void;
}

export interface ReadOptions {
  /** Ends this call only: it rejects with the signal's reason and lets go of its connection. */
  signal?: AbortSignal;
  /** Default "demand". */
  class?: RequestClass;
  /**
   * A source that makes several requests for one call, or receives more than it hands on, reports
   * each here. A call that reports no request is counted as one that carried what it returned.
   */
  meter?: Meter;
}

/** A part of a device, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What is not as it was in another version of a source. */
export interface SourceChanges {
  /** In any order. What lies past the end of this version is changed in any case. */
  readonly ranges: readonly ByteRange[];
  /** Why these are everything, where nobody can say what has changed. */
  readonly reason?: string;
}

/** What a copy holds of its version. While it is read more may come, and nothing goes. */
export interface LocalBytes {
  /** The parts that are local, in ascending order. */
  ranges(): Iterable<ByteRange>;
  /** Fills `target` with the bytes at `offset`, which are local. */
  readInto(offset: number, target: Uint8Array): Promise<void>;
}

export interface ChangesOptions extends ReadOptions {
  /** For a source that knows of no versions, but can tell whether given bytes are its own. */
  local?: LocalBytes;
}

/**
 * A device that is only read: nothing here can write. Every offset, length and size in this
 * package is in bytes. Calls may overlap in time.
 */
export interface SourceDevice extends AsyncDisposable {
  /** Constant while the device is open. */
  readonly size: number;

  /**
   * Names this very content: two devices with the same identity have the same bytes. Stable from
   * one process to the next. It must not contain a secret.
   */
  readonly identity: string;

  /** Whether the identity changes whenever the bytes do. False where it rests on a date or less. */
  readonly strongIdentity?: boolean;

  /**
   * In bytes, a power of two, where any part of a block costs the whole of it: regions of a new
   * copy are at least as large.
   */
  readonly blockSize?: number;

  /**
   * What opening the device already asked its origin for, if anything: the first `stream` of
   * exactly this range costs no request of its own.
   */
  readonly opened?: ByteRange;

  /**
   * Reads the `length` bytes at `offset`: all of them, never fewer, on an ArrayBuffer of their own.
   *
   * @throws {HeadwaterError} `SHORT_READ` when the bytes end early; `SOURCE_CHANGED` when this is
   *   no longer the object that was opened; others with `retryable` set where a later try may
   *   succeed.
   */
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array>;

  /**
   * The same bytes piece by piece as they arrive, in order and without a gap. A piece belongs to
   * the receiver, and is never written again unless the receiver gives it back with `release`.
   * Leaving the iteration lets go of the connection.
   */
  stream?(offset: number, length: number, options?: ReadOptions): AsyncIterable<Uint8Array>;

  /**
   * Takes back pieces of streams, or parts of them, so that their memory can be used again. Nobody
   * has to give back anything, and nothing is given back twice. What is not a piece of this
   * device's is ignored.
   */
  release?(pieces: readonly Uint8Array[]): void;

  /**
   * The parts of a range that are known to read as zeros, in ascending order and within the range.
   * What is named needs no fetch. A source that knows nothing names nothing; one that fails loses
   * only this saving.
   */
  zeros?(offset: number, length: number, options?: ReadOptions): AsyncIterable<ByteRange>;

  /**
   * For a source of which there are versions: the parts of this one that are not as they were in
   * the version of that identity. Of what is not local nothing need be known: it is fetched anyway.
   */
  changedSince?(identity: string, options?: ChangesOptions): Promise<SourceChanges>;

  /**
   * For a source of which there are versions: opens the one to go on with, which the caller closes.
   * Asked for when a read has failed with `SOURCE_CHANGED`, because this version can no longer be
   * had. Undefined where only this one will do.
   */
  successor?(options?: { signal?: AbortSignal }): Promise<SourceDevice | undefined>;

  /**
   * The parts that may not be had for long, in ascending order: they are hydrated before what is
   * merely next.
   */
  shortLived?(): Iterable<ByteRange>;

  /** Ends what is under way, then lets go. Calling it again is harmless. */
  close(): Promise<void>;
}

/** What a half-done copy remembers of its source. */
export interface KnownSource {
  readonly size: number;
  readonly identity: string;
}

/** A source that is yet to be opened: what `http(...)` and its like return. */
export interface SourceOpener {
  /**
   * @param known a source that was opened before. It is opened again without asking the origin:
   *   the first read finds out whether it is still the same, and throws `SOURCE_CHANGED` if not.
   *   An opener that cannot be the one meant returns undefined, and is then opened afresh.
   */
  open(options?: { known?: KnownSource; signal?: AbortSignal }): Promise<SourceDevice>;
  /** Whether `identity` can be of what this opener opens, as far as its name goes. */
  recognizes(identity: string): boolean;
}

/**
 * A device that is read and written, and the only one that is. Calls may overlap in time; changes
 * of overlapping ranges are never made together.
 */
export interface DestinationDevice extends AsyncDisposable {
  readonly size: number;

  /** Fills `target` with the bytes at `offset`, all of it. */
  readInto(offset: number, target: Uint8Array): Promise<void>;

  /**
   * Fills `target` at once and returns true; or does nothing and returns false where waiting is
   * better. For devices that answer in microseconds.
   */
  readIntoSync?(offset: number, target: Uint8Array): boolean;

  /**
   * Writes the pieces one after another from `offset`. When it resolves a read sees them, and
   * their memory may be used for something else; they survive a crash of the machine only after
   * `flush`.
   *
   * @throws {HeadwaterError} `DESTINATION_FULL` when there is no space left.
   */
  write(offset: number, pieces: readonly Uint8Array[]): Promise<void>;

  /** From here on the range reads as zeros. The device may give its space back. */
  discard(offset: number, length: number): Promise<void>;

  /** Every write and discard that resolved before the call survives a crash once this resolves. */
  flush(): Promise<void>;

  /** What lies past the old size reads as zeros. */
  resize(size: number): Promise<void>;

  /**
   * Names the present state of the device, so that it can be recognised when it is found again:
   * it changes when somebody else replaces or modifies the device. Asked for after a `flush`, when
   * every byte is here.
   */
  fingerprint?(): Promise<string>;

  /** Called once, after `fingerprint` was stored in the map: gives the whole its final name. */
  finish?(): Promise<void>;

  /**
   * Called before a whole is changed to become another version of it: prepares a durable copy of
   * it, which the device works on once the returned function was called. The former whole keeps
   * its name until `finish`.
   */
  unfinish?(): Promise<() => Promise<void>>;

  /** Waits for what is under way, then lets go. Calling it again is harmless. */
  close(): Promise<void>;
}
