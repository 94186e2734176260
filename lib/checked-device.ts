import { abortion, sharedAbort } from "./abortable.ts";
import { AssertionError } from "./assert.ts";
import type { ByteRange, DestinationDevice, Meter, ReadOptions, SourceDevice } from "./device.ts";
import { HeadwaterError, messageOf } from "./errors.ts";

/** With this everything ends that a replaced source still owes: it is asked for again at once. */
export const REPLACED: HeadwaterError = new HeadwaterError(
  "SOURCE_FAILED",
  "the source was replaced",
  { retryable: true },
);

/** What is asked at once of a source that cannot stream, in bytes. */
const READ_SIZE = 2 ** 20;

/**
 * The one place through which every byte of a source comes: our requests lie inside the device,
 * and what it gives is as long as what was asked. Everything it throws is a `HeadwaterError`, or
 * the reason of the caller's own signal.
 */
export class CheckedSource {
  readonly size: number;
  readonly identity: string;
  #device: SourceDevice;
  #replaced: AbortController = sharedAbort();

  constructor(device: SourceDevice) {
    this.#device = device;
    this.size = device.size;
    this.identity = device.identity;
  }

  get device(): SourceDevice {
    return this.#device;
  }

  /**
   * From here on `device` is asked. What the one before still owes ends with an error that is worth
   * a retry.
   */
  replace(device: SourceDevice): void {
    const replaced = this.#replaced;
    this.#device = device;
    this.#replaced = sharedAbort();
    replaced.abort(REPLACED);
  }

  /** What the source says of zeros, checked: in order, and inside the range. */
  async *zeros(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<ByteRange, void, undefined> {
    checkBounds("source", offset, length, this.size);
    let at = offset;
    for await (const range of this.#device.zeros?.(offset, length, options) ?? []) {
      const end = range.offset + range.length;
      if (range.offset < at || range.length < 0 || end > offset + length) {
        const message = `the source names ${range.length} zeros at ${range.offset} after ${at}`;
        throw new HeadwaterError("CORRUPT", message);
      }
      at = end;
      yield range;
    }
  }

  /**
   * The bytes as they arrive. A source that cannot stream is read in pieces. An abort ends the
   * iteration at once, whether or not the device obeys it.
   */
  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkBounds("source", offset, length, this.size);
    const { signal } = options;
    const counted = new CountedMeter(options.meter);
    const abort = abortion(this.#replaced.signal, signal);
    const asked = { ...options, meter: counted, signal: abort.signal };
    const pieces = this.#pieces(offset, length, asked);
    let received = 0;
    let ended = false;
    try {
      while (true) {
        const next = await Promise.race([pieces.next(), abort.promise]);
        if (next.done) break;
        const piece = next.value;
        received += piece.length;
        if (received > length) throw longRead(offset, length, received);
        counted.delivered(piece.length);
        if (piece.length > 0) yield piece;
      }
      ended = true;
      if (received < length) throw shortRead(offset, length, received);
    } catch (error) {
      throw sourceError(error, offset + received, length - received, signal);
    } finally {
      abort.release();
      counted.settle(0);
      // Not waited for: a device that hangs must not hold us.
      if (!ended) void Promise.resolve(pieces.return?.()).catch(() => {});
    }
  }

  /** Gives pieces back that nobody needs any more, whichever source they came from. */
  release(pieces: readonly Uint8Array[]): void {
    this.#device.release?.(pieces);
  }

  #pieces(offset: number, length: number, options: ReadOptions): AsyncIterator<Uint8Array> {
    const device = this.#device;
    if (device.stream !== undefined) {
      return device.stream(offset, length, options)[Symbol.asyncIterator]();
    }
    const end = offset + length;
    async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
      for (let at = offset; at < end; at += READ_SIZE) {
        const size = Math.min(READ_SIZE, end - at);
        const bytes = await device.read(at, size, options);
        if (bytes.length !== size) throw shortRead(at, size, bytes.length);
        yield bytes;
      }
    }
    return read();
  }
}

/** The same for a destination: every call lies inside the device, every failure has a code. */
export class CheckedDestination {
  readonly device: DestinationDevice;
  readonly #readIntoSync: DestinationDevice["readIntoSync"];

  constructor(device: DestinationDevice) {
    this.device = device;
    this.#readIntoSync = device.readIntoSync?.bind(device);
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    checkBounds("destination", offset, target.length, this.device.size);
    try {
      await this.device.readInto(offset, target);
    } catch (error) {
      throw destinationError("read", error, offset, target.length);
    }
  }

  readIntoSync(offset: number, target: Uint8Array): boolean {
    checkBounds("destination", offset, target.length, this.device.size);
    return this.#readIntoSync?.(offset, target) ?? false;
  }

  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    checkBounds("destination", offset, length, this.device.size);
    try {
      await this.device.write(offset, pieces);
    } catch (error) {
      throw destinationError("write", error, offset, length);
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    checkBounds("destination", offset, length, this.device.size);
    try {
      await this.device.discard(offset, length);
    } catch (error) {
      throw destinationError("discard", error, offset, length);
    }
  }

  async resize(size: number): Promise<void> {
    try {
      await this.device.resize(size);
    } catch (error) {
      throw destinationError("resize", error, 0, size);
    }
  }

  async flush(): Promise<void> {
    try {
      await this.device.flush();
    } catch (error) {
      throw destinationError("flush", error, 0, this.device.size);
    }
  }
}

/** What a source has failed with that sent nothing for so long. */
export function stalled(offset: number, limitMs: number): HeadwaterError {
  const message = `the source sent nothing for ${limitMs} ms`;
  return new HeadwaterError("TIMEOUT", message, { offset, retryable: true });
}

/** Passes on what a source reports; of one that reports nothing, counts what it returned. */
class CountedMeter implements Meter {
  readonly #meter: Meter | undefined;
  #reported = false;
  #open = true;
  #pending = 0;

  constructor(meter: Meter | undefined) {
    this.#meter = meter;
  }

  request(): void {
    this.#reported = true;
    this.#meter?.request();
  }

  bytes(count: number): void {
    this.#reported = true;
    this.#meter?.bytes(count);
  }

  /** So many bytes were handed on. */
  delivered(count: number): void {
    this.#pending += count;
  }

  /** The call is over. */
  settle(count: number): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#reported) return;
    this.#meter?.request();
    this.#meter?.bytes(this.#pending + count);
  }
}

/** On the path of every local read, so the message is made only when it is needed. */
function checkBounds(what: string, offset: number, length: number, size: number): void {
  if (offset >= 0 && offset + length <= size) return;
  throw new AssertionError(`${what}: ${length} bytes at ${offset} of ${size}`);
}

export function shortRead(offset: number, length: number, got: number): HeadwaterError {
  return new HeadwaterError("SHORT_READ", `asked ${length} bytes at ${offset}, got ${got}`, {
    offset,
    length,
    retryable: true,
  });
}

export function longRead(offset: number, length: number, got: number): HeadwaterError {
  return new HeadwaterError("CORRUPT", `asked ${length} bytes at ${offset}, got ${got} or more`, {
    offset,
    length,
  });
}

function sourceError(
  error: unknown,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof HeadwaterError) return error;
  const message = `the source failed at ${offset}: ${messageOf(error)}`;
  return new HeadwaterError("SOURCE_FAILED", message, {
    cause: error,
    offset,
    length,
    retryable: true,
  });
}

function destinationError(what: string, error: unknown, offset: number, length: number): unknown {
  if (error instanceof HeadwaterError) return error;
  return new HeadwaterError(
    "DESTINATION_FAILED",
    `the destination failed to ${what} ${length} bytes at ${offset}: ${messageOf(error)}`,
    { cause: error, offset, length },
  );
}
