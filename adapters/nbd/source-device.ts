import {
  type ByteRange,
  joinPieces,
  type Meter,
  type ReadOptions,
  type RequestClass,
  type SourceDevice,
} from "../../lib/index.ts";
import { closedFailure } from "./client-failures.ts";
import { ReadRequest } from "./client-read.ts";
import { type Extent, StatusRequest } from "./client-status.ts";
import { ALLOCATION } from "./protocol.ts";
import type { Connections } from "./source-connections.ts";
import { formatIdentity, type NbdIdentity } from "./source-identity.ts";

/** What one request asks for at most, in bytes. */
const REQUEST_SIZE: number = 256 * 2 ** 10;

/** Requests of one stream that are under way, or wait to be taken, at most. */
const REQUESTS_AHEAD = 4;

/** What is asked about at once, where no bytes are asked for. */
const STATUS_SIZE: number = 2 ** 30;

/** An export of an NBD server. It is only read, and never written. */
export class NbdSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity: boolean;
  readonly #name: string;
  readonly #connections: Connections;
  #isClosed = false;

  constructor(identity: NbdIdentity, connections: Connections) {
    this.size = identity.size;
    this.identity = formatIdentity(identity);
    this.strongIdentity = identity.version !== undefined;
    this.#name = identity.name;
    this.#connections = connections;
  }

  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    return joinPieces(this.stream(offset, length, options), offset, length);
  }

  /** Several requests are under way at once: memory held is at most 1 MiB. */
  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#check(offset, length);
    const { signal, class: by = "demand", meter = FREE } = options;
    signal?.throwIfAborted();
    if (length === 0) return;
    const { blockSize } = await this.#connections.agreement(by, signal);
    const step = Math.min(REQUEST_SIZE, 2 ** Math.floor(Math.log2(blockSize.maximum)));
    const ahead: ReadRequest[] = [];
    const release = following(signal, (reason) => {
      for (const request of ahead) request.fail(reason);
    });
    const end = offset + length;
    let next = offset;
    try {
      while (true) {
        signal?.throwIfAborted();
        while (ahead.length < REQUESTS_AHEAD && next < end) {
          // Up to the next multiple, so that every request keeps to the server's blocks.
          const stop = Math.min(end, next - (next % step) + step);
          const request = new ReadRequest(this.#name, { offset: next, length: stop - next }, meter);
          ahead.push(request);
          this.#connections.send(request, by);
          next = stop;
        }
        const [first] = ahead;
        if (first === undefined) return;
        const piece = await first.next();
        if (piece === undefined) ahead.shift();
        else yield piece;
      }
    } finally {
      release();
      for (const request of ahead) request.fail(LEFT);
    }
  }

  /**
   * The ranges that the server says are zeros, in ascending order. Where it knows nothing, or does
   * not say, there are none.
   */
  async *zeros(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<ByteRange, void, undefined> {
    this.#check(offset, length);
    const { signal, class: by = "demand", meter = FREE } = options;
    signal?.throwIfAborted();
    if (length === 0) return;
    const { allocation } = await this.#connections.agreement(by, signal);
    if (allocation === undefined) return;
    const end = offset + length;
    let at = offset;
    let zeros: ByteRange | undefined;
    while (at < end) {
      signal?.throwIfAborted();
      const asked = { offset: at, length: Math.min(STATUS_SIZE, end - at) };
      const { offset: start, extents } = await this.#status(asked, by, meter, signal);
      let position = start;
      for (const extent of extents) {
        const from = Math.max(position, at);
        position = Math.min(position + extent.length, end);
        if (position <= from) continue;
        if ((extent.flags & ALLOCATION.zero) !== 0) {
          const before = zeros?.length ?? 0;
          zeros = { offset: zeros?.offset ?? from, length: before + position - from };
        } else if (zeros !== undefined) {
          yield zeros;
          zeros = undefined;
        }
      }
      if (position <= at) break; // it says nothing of what was asked
      at = position;
      if (zeros !== undefined && zeros.length >= STATUS_SIZE) {
        yield zeros;
        zeros = undefined;
      }
    }
    if (zeros !== undefined) yield zeros;
  }

  /** Ends every read with `CLOSED`, and every connection. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #status(
    range: ByteRange,
    by: RequestClass,
    meter: Meter,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly offset: number; readonly extents: readonly Extent[] }> {
    const request = new StatusRequest(range, meter);
    const release = following(signal, (reason) => request.fail(reason));
    try {
      this.#connections.send(request, by);
      return await request.extents;
    } finally {
      release();
    }
  }

  #check(offset: number, length: number): void {
    if (this.#isClosed) throw closedFailure(this.#name);
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!inside || offset < 0 || length < 0 || offset + length > this.size) {
      throw new RangeError(`${length} bytes at ${offset} are not inside ${this.size}`);
    }
  }
}

const FREE: Meter = { request: () => {}, bytes: () => {} };

/** What requests are told that a stream no longer wants. Nobody sees it. */
const LEFT: Error = new Error("the stream was left");

/** Calls back when the signal is aborted. Returns a function that ends this. */
function following(
  signal: AbortSignal | undefined,
  aborted: (reason: unknown) => void,
): () => void {
  const onAbort = (): void => aborted(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  return () => signal?.removeEventListener("abort", onAbort);
}
