import type { Clock } from "../../lib/index.ts";

interface Sleeper {
  readonly until: number;
  wake(): void;
}

/** Time that passes only when `advance` says so, and then in order. */
export class VirtualClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  readonly #tickers = new Set<{ next: number; readonly ms: number; tick(): void }>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", abort);
        settle();
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const sleeper = { until: this.#now + ms, wake: () => end(resolve) };
      if (signal?.aborted) abort();
      else if (ms <= 0) resolve();
      else {
        this.#sleepers.add(sleeper);
        signal?.addEventListener("abort", abort, { once: true });
      }
    });
  }

  every(ms: number, tick: () => void): () => void {
    const ticker = { next: this.#now + ms, ms, tick };
    this.#tickers.add(ticker);
    return () => this.#tickers.delete(ticker);
  }

  /** Everybody whose time comes meanwhile is woken, and does what follows before time goes on. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (this.#now < end) {
      const times = [...this.#sleepers].map(({ until }) => until);
      for (const { next } of this.#tickers) times.push(next);
      this.#now = Math.min(end, ...times);
      for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#now) sleeper.wake();
      for (const ticker of [...this.#tickers]) {
        if (ticker.next > this.#now) continue;
        ticker.next += ticker.ms;
        ticker.tick();
      }
      await settle();
    }
  }
}

/** As many turns as anything here takes from being woken until it sleeps again. */
const TURNS = 10;

async function settle(): Promise<void> {
  for (let turns = 0; turns < TURNS || isDigesting(); turns += 1) await turn();
}

/** Everything that can happen by itself has its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const { subtle } = globalThis.crypto;
const digest = subtle.digest.bind(subtle);
let digests = 0;

// A digest is computed on another thread and ends in no number of turns.
subtle.digest = async (algorithm, data) => {
  digests += 1;
  try {
    return await digest(algorithm, data);
  } finally {
    digests -= 1;
  }
};

/** Whether what happens next depends on another thread: no time should pass meanwhile. */
export function isDigesting(): boolean {
  return digests > 0;
}
