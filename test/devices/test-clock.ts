import type { Clock } from "../../lib/index.ts";

/** Time that passes only when somebody sleeps, and ticks only when it is told. */
export class TestClock implements Clock {
  readonly #pause: () => Promise<unknown>;
  readonly #ticks = new Set<() => void>();
  #now = 0;

  /** @param pause awaited instead of the time that a sleep takes. */
  constructor(pause: () => Promise<unknown>) {
    this.#pause = pause;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
      void this.#pause().then(() => {
        signal?.removeEventListener("abort", abort);
        this.#now += ms;
        resolve();
      });
    });
  }

  every(_: number, tick: () => void): () => void {
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  }

  /** Calls everybody who wants to be called every so often. */
  tick(): void {
    for (const tick of this.#ticks) tick();
  }

  pass(ms: number): void {
    this.#now += ms;
  }
}
