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
    if (this.signal.aborted) endProcess(SIGNAL_EXITS[by as EndingSignal]);
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

/**
 * Ends the process at once. Node would wait for calls on the file system, and one on a disk that
 * hangs does not end; so where there are such, and a signal asked for the end, the process dies of
 * that signal: a shell calls it by the same number.
 */
export function endProcess(exitCode: number): void {
  const signals = Object.keys(SIGNAL_EXITS) as EndingSignal[];
  // From here on a signal needs nobody who listens to it.
  for (const name of signals) process.removeAllListeners(name);
  const by = signals.find((name) => SIGNAL_EXITS[name] === exitCode);
  // Of promises Node goes on to list some that are settled.
  const isWaiting = process.getActiveResourcesInfo().includes("FSReqCallback");
  if (by !== undefined && isWaiting) process.kill(process.pid, by);
  process.exit(exitCode);
}
