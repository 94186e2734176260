import { setMaxListeners } from "node:events";
import { type ByteRange, HeadwaterError } from "../../lib/index.ts";
import type { Exchange } from "./exchange.ts";

/** What a stream needs to know of where its bytes come from. */
export interface BodyStreamOptions {
  readonly range: ByteRange;
  /** For messages. */
  readonly name: string;
  /** Makes the request, at the first `next`. Resolves when its response is found good. */
  start(signal: AbortSignal): Promise<Exchange>;
  /** The reader's. */
  readonly signal: AbortSignal | undefined;
  /** Called once, when nothing more is to come. */
  ended(): void;
}

/**
 * The pieces of a body as they arrive: exactly as many bytes as were asked for, or an error.
 * Leaving it ends the request at once, unless all has arrived.
 */
export class BodyStream implements AsyncIterableIterator<Uint8Array> {
  readonly #options: BodyStreamOptions;
  readonly #abort = new AbortController();
  #starting: Promise<void> | undefined;
  #exchange: Exchange | undefined;
  #delivered = 0;
  #over = false;

  constructor(options: BodyStreamOptions) {
    this.#options = options;
    const { signal } = options;
    // Many streams may have one signal: from the eleventh on, Node would take that for a leak.
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
    if (signal?.aborted) this.#abort.abort(signal.reason);
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    const piece = this.#exchange?.take();
    return piece === undefined ? this.#wait() : this.#deliver(piece);
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#over) {
      this.#finish();
      const whole = (this.#exchange?.received ?? -1) >= this.#options.range.length;
      if (whole) this.#exchange?.drain();
      else this.#abort.abort(new Error("the iteration was left"));
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends it with this error, whoever waits for it. */
  abort(error: unknown): void {
    this.#abort.abort(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #onAbort = (): void => this.#abort.abort(this.#options.signal?.reason);

  async #wait(): Promise<IteratorResult<Uint8Array, undefined>> {
    let piece: Uint8Array | undefined;
    try {
      this.#starting ??= this.#start();
      await this.#starting;
      piece = await this.#exchange?.next();
    } catch (error) {
      if (this.#over) return { done: true, value: undefined }; // left while it waited
      this.#finish();
      throw error;
    }
    if (this.#over) return { done: true, value: undefined };
    if (piece !== undefined) return this.#deliver(piece);
    this.#finish();
    if (this.#delivered < this.#options.range.length) throw this.#shortRead();
    return { done: true, value: undefined };
  }

  async #start(): Promise<void> {
    const { signal } = this.#abort;
    signal.throwIfAborted();
    this.#exchange = await this.#options.start(signal);
  }

  #deliver(piece: Uint8Array): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#delivered += piece.length;
    const { offset, length } = this.#options.range;
    if (this.#delivered <= length) return Promise.resolve({ done: false, value: piece });
    this.#finish();
    const message = `${this.#options.name} sent more than the ${length} bytes asked at ${offset}`;
    const error = new HeadwaterError("SOURCE_FAILED", message, { offset, length, retryable: true });
    this.#exchange?.fail(error);
    return Promise.reject(error);
  }

  #shortRead(): HeadwaterError {
    const { name, range } = this.#options;
    const { offset, length } = range;
    const message = `${name}: asked ${length} bytes at ${offset}, got ${this.#delivered}`;
    return new HeadwaterError("SHORT_READ", message, { offset, length, retryable: true });
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#options.ended();
  }
}
