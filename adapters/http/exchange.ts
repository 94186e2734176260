import type { Dispatcher } from "undici";
import type { Meter } from "../../lib/index.ts";
import { type Asked, failure, networkFailure } from "./failures.ts";
import { contentLengthOf, type ResponseHead } from "./response-head.ts";
import { takeValve, type Valve } from "./valve.ts";

/** With more than this in the queue the server is made to wait. */
const QUEUE_SIZE: number = 2 ** 18;

/** A body that nobody wants is read to its end up to here, which keeps its connection. */
const DRAIN_SIZE: number = 64 * 2 ** 10;

/** Less than this in the time of a stall is no progress. */
const PROGRESS_SIZE: number = 2 ** 10;

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher;
  readonly url: URL;
  readonly headers: Record<string, string>;
  /** For messages. */
  readonly asked: Asked;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** What undici is told where we end a request. Nobody sees it. */
const UNWANTED: Error = new Error("the rest of this response is not wanted");

interface Waiter {
  resolve(piece: Uint8Array | undefined): void;
  reject(error: unknown): void;
}

/**
 * One request and its response. The pieces of the body wait in a queue, which holds about 256 KiB;
 * then the connection is held back.
 */
export class Exchange {
  /** Resolves when the response begins. */
  readonly head: Promise<ResponseHead>;
  readonly #options: ExchangeOptions;
  #signal: AbortSignal | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #valve: Valve | undefined;
  #begin: (head: ResponseHead) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #contentLength: number | undefined;
  #received = 0;
  #progress = 0;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  readonly #waiters: Waiter[] = [];
  /** How much had arrived when nobody wanted the rest. */
  #drainedAt: number | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.head = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#refuse = reject;
    });
    this.head.catch(() => {}); // whoever asked has the promise itself
    this.follow(options.signal);
    if (this.#end === undefined) this.#send();
  }

  /** Bytes of the body that have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Whether it broke, however much of it can still be taken. */
  get failed(): boolean {
    return this.#end?.error !== undefined;
  }

  /** From here on this signal ends it, and no longer the one before. */
  follow(signal: AbortSignal): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The next piece, if it is here already. */
  take(): Uint8Array | undefined {
    const piece = this.#queue.shift();
    if (piece === undefined) return undefined;
    this.#queued -= piece.length;
    if (this.#queued < QUEUE_SIZE / 2) this.#resume();
    return piece;
  }

  /** The next piece, undefined after the last. Rejects when the body breaks off. */
  next(): Promise<Uint8Array | undefined> {
    const piece = this.take();
    if (piece !== undefined) return Promise.resolve(piece);
    if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
    if (this.#end !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Nobody wants the rest. What is short still arrives, and the connection stays. */
  drain(): void {
    this.#drainedAt ??= this.#received;
    this.#queue.length = 0;
    this.#queued = 0;
    const end = this.#contentLength ?? this.#received;
    if (Math.max(end, this.#received) - this.#drainedAt > DRAIN_SIZE) this.fail(UNWANTED);
    else this.#resume();
  }

  /** Ends it at once, with its connection. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#finish({ error });
    // Not before a request has its connection; until then `onRequestStart` sees to it.
    this.#controller?.abort(UNWANTED);
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason);

  #send(): void {
    const { dispatcher, url, headers, asked, meter } = this.#options;
    const { headersTimeoutMs, stallTimeoutMs } = this.#options;
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      headers,
      headersTimeout: 0, // timed here, to the millisecond
      bodyTimeout: 0,
    };
    dispatcher.dispatch(request, {
      onRequestStart: (controller) => {
        // Thrown here, an error spares the connection.
        if (this.#end !== undefined) throw UNWANTED;
        this.#controller = controller;
        takeValve((valve) => {
          this.#valve = valve;
        });
        meter.request();
        this.#time(headersTimeoutMs, "did not answer");
      },
      onResponseStart: (_, status, headers) => {
        if (status < 200 || this.#end !== undefined) return;
        const head = { status, headers };
        this.#contentLength = contentLengthOf(head);
        this.#time(stallTimeoutMs, "stopped sending");
        this.#begin(head);
      },
      onResponseData: (_, piece) => {
        meter.bytes(piece.length);
        this.#receive(piece);
      },
      onResponseEnd: () => this.#finish({ error: undefined }),
      onResponseError: (_, error) => {
        this.#finish({ error: networkFailure(error, asked, this.#received) });
      },
    });
  }

  #receive(piece: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#received += piece.length;
    if (this.#received - this.#progress >= PROGRESS_SIZE) {
      this.#progress = this.#received;
      this.#timer?.refresh();
    }
    if (this.#drainedAt !== undefined) {
      this.drain();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(piece);
      return;
    }
    this.#queue.push(piece);
    this.#queued += piece.length;
    if (this.#queued > QUEUE_SIZE) this.#hold();
  }

  #finish(end: { readonly error: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#stopTimer();
    this.#valve?.release();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#refuse(end.error);
    for (const waiter of this.#waiters.splice(0)) {
      if (end.error === undefined) waiter.resolve(undefined);
      else waiter.reject(end.error);
    }
  }

  #hold(): void {
    this.#valve?.hold();
    this.#stopTimer(); // it is we who wait
  }

  #resume(): void {
    if (this.#end !== undefined || !this.#valve?.isHeld) return;
    this.#time(this.#options.stallTimeoutMs, "stopped sending");
    this.#valve.release();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined; // `refresh` would start even a cleared one
  }

  #time(ms: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const message = `${what}: ${this.#received} bytes came, and too little in ${ms} ms`;
      this.fail(failure("TIMEOUT", this.#options.asked, message, { retryable: true }));
    }, ms);
  }
}
