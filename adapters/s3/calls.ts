import { HeadwaterError } from "../../lib/index.ts";

/** A call that is under way. */
export interface Call {
  /** Of this call alone: many may be under way at once, and each adds what it will of listeners. */
  readonly signal: AbortSignal;
  /** To be called when it is over. */
  end(): void;
}

/** Everything that is under way, so that closing ends it. */
export class Calls {
  readonly #name: string;
  readonly #running = new Set<AbortController>();
  #closed = false;

  /** @param name for messages. */
  constructor(name: string) {
    this.#name = name;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** @throws {HeadwaterError} `CLOSED`; the reason of a signal that is aborted already. */
  begin(signal: AbortSignal | undefined): Call {
    this.check(signal);
    const own = new AbortController();
    const onAbort = (): void => own.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#running.add(own);
    return {
      signal: own.signal,
      end: () => {
        signal?.removeEventListener("abort", onAbort);
        this.#running.delete(own);
      },
    };
  }

  /** Throws what `begin` would. */
  check(signal: AbortSignal | undefined): void {
    if (this.#closed) throw this.#failure();
    signal?.throwIfAborted();
  }

  /** Ends all of them with `CLOSED`. */
  close(): void {
    this.#closed = true;
    for (const call of this.#running) call.abort(this.#failure());
  }

  #failure(): HeadwaterError {
    return new HeadwaterError("CLOSED", `${this.#name} was closed`);
  }
}
