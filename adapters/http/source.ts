import {
  type ByteRange,
  joinPieces,
  type Meter,
  type ReadOptions,
  type SourceDevice,
} from "../../lib/index.ts";
import { BodyStream } from "./body-stream.ts";
import { checkPart, type Pinned } from "./check.ts";
import type { Connections } from "./connections.ts";
import type { DeferredMeter } from "./deferred-meter.ts";
import type { Exchange } from "./exchange.ts";
import { closedFailure } from "./failures.ts";
import { formatIdentity } from "./identity.ts";
import type { Requester } from "./requester.ts";
import { isStrong, preconditionsOf } from "./validators.ts";

/** The response with which the source was opened, until a stream takes it over. */
export interface OpeningBody {
  readonly range: ByteRange;
  readonly exchange: Exchange;
  /** What it has cost so far. */
  readonly meter: DeferredMeter;
}

export interface HttpSourceOptions {
  readonly name: string;
  readonly pinned: Pinned;
  readonly connections: Connections;
  readonly requester: Requester;
  readonly opening?: OpeningBody;
}

/** A blob on an HTTP server, pinned to the version that was found first. */
export class HttpSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity: boolean;
  readonly opened?: ByteRange;
  readonly #name: string;
  readonly #pinned: Pinned;
  readonly #connections: Connections;
  readonly #requester: Requester;
  readonly #streams = new Set<BodyStream>();
  #opening: OpeningBody | undefined;
  /** Empty once the server was found to refuse the very version that it has. */
  #preconditions: Readonly<Record<string, string>>;
  #closing: Promise<void> | undefined;

  constructor({ name, pinned, connections, requester, opening }: HttpSourceOptions) {
    const { size, validators } = pinned;
    this.size = size;
    this.identity = formatIdentity({ name, validators, size });
    this.strongIdentity = validators.etag !== undefined && isStrong(validators.etag);
    if (opening !== undefined) this.opened = opening.range;
    this.#name = name;
    this.#pinned = pinned;
    this.#connections = connections;
    this.#requester = requester;
    this.#opening = opening;
    this.#preconditions = preconditionsOf(validators);
  }

  async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const pieces = this.stream(offset, length, options);
    return await joinPieces(pieces, offset, length, (piece) => this.release(piece));
  }

  stream(offset: number, length: number, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!inside || offset < 0 || length < 0 || offset + length > this.size) {
      throw new RangeError(`${length} bytes at ${offset} are not inside ${this.size}`);
    }
    if (length === 0) return nothing();
    const range = { offset, length };
    const stream = new BodyStream({
      range,
      name: this.#name,
      start: (signal) => this.#start(range, options, signal),
      signal: options.signal,
      ended: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  release(pieces: readonly Uint8Array[]): void {
    this.#connections.takeBack(pieces);
  }

  /** Ends every read with `CLOSED`, and every connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const error = closedFailure(this.#name);
    for (const stream of this.#streams) stream.abort(error);
    this.#opening?.exchange.fail(error);
    await this.#connections.close(error);
  }

  /** Resolves when a response has begun that is found good. */
  async #start(range: ByteRange, options: ReadOptions, signal: AbortSignal): Promise<Exchange> {
    if (this.#closing !== undefined) throw closedFailure(this.#name);
    const { class: by = "demand", meter = FREE } = options;
    const opening = this.#takeOpening(range, meter, signal);
    if (opening !== undefined) return opening;

    const asked = { name: this.#name, range };
    const ask = {
      range: `bytes=${range.offset}-${range.offset + range.length - 1}`,
      asked,
      class: by,
      meter,
      signal,
    };
    const preconditions = this.#preconditions;
    let reply = await this.#requester.send({ ...ask, preconditions });
    // Some servers refuse the version they have: asked without a condition, the response tells.
    const doubted = reply.head.status === 412 && preconditions !== NONE;
    if (doubted) {
      reply.exchange.drain();
      reply = await this.#requester.send({ ...ask, preconditions: NONE });
    }
    try {
      checkPart(reply.head, asked, this.#pinned);
    } catch (error) {
      reply.exchange.drain();
      throw error;
    }
    if (doubted) this.#preconditions = NONE;
    return reply.exchange;
  }

  #takeOpening(range: ByteRange, meter: Meter, signal: AbortSignal): Exchange | undefined {
    const opening = this.#opening;
    if (opening === undefined) return undefined;
    const { offset, length } = opening.range;
    if (offset !== range.offset || length !== range.length) return undefined;
    this.#opening = undefined;
    opening.meter.forwardTo(meter);
    // It may have broken while nobody wanted it; then what it cost is told, and no more.
    if (opening.exchange.failed) return undefined;
    opening.exchange.follow(signal);
    return opening.exchange;
  }
}

const NONE: Readonly<Record<string, string>> = {};

const FREE: Meter = { request: () => {}, bytes: () => {} };

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
