import type { Clock } from "./clock.ts";
import type { Hedging } from "./hedging.ts";

export interface HedgedOptions {
  readonly hedging: Hedging;
  /** Without a byte for so many milliseconds the first one is late. */
  readonly lateAfterMs: number;
  readonly clock: Clock;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Asks for the bytes: for the first time, and for the second. */
  ask(isSecond: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Whether somebody waits, and the limits allow a second request. Asked when one is late. */
  isWorthwhile(): boolean;
}

/**
 * A stream that is asked for a second time when its first byte is late. Whichever comes first is
 * gone on with, and the other one is left.
 */
export async function* hedgedStream(
  options: HedgedOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { hedging, lateAfterMs, clock, isWorthwhile } = options;
  const first = new Attempt(options, false);
  let winner = first;
  try {
    const isLate = await isLateBy(first, lateAfterMs, clock);
    if (isLate && isWorthwhile() && hedging.take()) {
      const second = new Attempt(options, true);
      try {
        winner = await firstOf(first, second);
      } finally {
        (winner === first ? second : first).leave();
      }
      hedging.decided(winner === second);
    }
    let next = await winner.head;
    while (!next.done) {
      yield next.value;
      next = await winner.pieces.next();
    }
  } finally {
    // Where it ended by itself that does nothing.
    void Promise.resolve(winner.pieces.return?.()).catch(() => {});
  }
}

const LEFT: symbol = Symbol("another request came first");

/** One request, and its first piece. */
class Attempt {
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly head: Promise<IteratorResult<Uint8Array>>;
  readonly #abort = new AbortController();

  constructor({ ask, signal }: HedgedOptions, isSecond: boolean) {
    const either = AbortSignal.any([signal, this.#abort.signal]);
    this.pieces = ask(isSecond, either)[Symbol.asyncIterator]();
    this.head = this.pieces.next();
    this.head.catch(() => {}); // whoever wants it has the promise itself
  }

  leave(): void {
    this.#abort.abort(LEFT);
  }
}

/**
 * Whether nothing has come of it after so long. What has come while this thread was busy is seen
 * before that: it is looked at between two timers.
 */
async function isLateBy({ head }: Attempt, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController();
  const late = clock
    .sleep(ms, over.signal)
    .then(() => clock.sleep(1, over.signal))
    .then(
      () => true,
      () => false,
    );
  const settled = head.then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    over.abort();
  }
}

/** The one that brings a byte first; where both fail, the failure of the first. */
async function firstOf(first: Attempt, second: Attempt): Promise<Attempt> {
  try {
    return await Promise.any([first.head.then(() => first), second.head.then(() => second)]);
  } catch {
    return first;
  }
}
