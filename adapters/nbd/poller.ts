import { availableParallelism } from "node:os";

/**
 * Keeps the event loop awake for a moment after an answer while requests come one upon the other.
 * A client that waits for each answer before it asks again is served in half the time: for a
 * request of some microseconds, most of it is the sleep of this thread and its waking.
 */
export class Poller {
  readonly #pollMs: number;
  #answeredAt = 0;
  #isPolling = false;

  /** @param pollMs 0 turns it off, as does a machine with one processor, which the client needs. */
  constructor(pollMs: number) {
    this.#pollMs = availableParallelism() > 1 ? pollMs : 0;
  }

  /** To be called after requests were answered. */
  answered(): void {
    const now = performance.now();
    const sinceLast = now - this.#answeredAt;
    this.#answeredAt = now;
    // Sleeping and waking are a part of what is measured here, hence the double.
    if (this.#isPolling || sinceLast > 2 * this.#pollMs) return;
    this.#isPolling = true;
    setImmediate(this.#poll);
  }

  readonly #poll = (): void => {
    this.#isPolling = performance.now() - this.#answeredAt < this.#pollMs;
    if (this.#isPolling) setImmediate(this.#poll);
  };
}
