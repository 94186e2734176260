import { type EndingSignal, SIGNAL_EXITS } from "./exit-codes.ts";

/** The user, or the system, asked the command to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly by: EndingSignal;

  constructor(by: EndingSignal) {
    super(`ended by ${by}`);
    this.by = by;
  }
}

/**
 * Ctrl-C and the signals like it: the first asks for a gentle end, a second one ends the process
 * at once.
 */
export class Interruption {
  readonly #abort = new AbortController();
  readonly #listener = (by: NodeJS.Signals): void => {
    if (this.signal.aborted) process.exit(SIGNAL_EXITS[by as EndingSignal]);
    this.#abort.abort(new Interrupted(by as EndingSignal));
  };

  constructor() {
    for (const name of Object.keys(SIGNAL_EXITS)) process.on(name, this.#listener);
  }

  /** Aborted, with an `Interrupted` as its reason, by the first signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Settles as `work` does, or rejects with the `Interrupted` when that is sooner. */
  async orElse<Result>(work: Promise<Result>): Promise<Result> {
    const { signal } = this;
    signal.throwIfAborted();
    let stop = (): void => {};
    const interrupted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
    });
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
