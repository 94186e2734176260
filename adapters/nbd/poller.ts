import { availableParallelism } from "node:os";

/** One turn of an event loop that has nothing to do takes some microseconds. */
const LOST_MS = 0.5;
/** How long to sleep as usual after the processor was lost while polling. */
const REST_MS = 20;

/**
 * Keeps the event loop awake for a moment after an answer while requests come one upon the other.
 * A client that waits for each answer before it asks again is served in half the time: for a
 * request of some microseconds, most of it is the sleep of this thread and its waking. Where others
 * want the processor, who sleeps is better off: a thread that is taken off it while polling stops.
 */
export class Poller {
  readonly #pollMs: number;
  #answeredAt = 0;
  #polledAt = 0;
  #restsUntil = 0;
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
    if (this.#isPolling || sinceLast > 2 * this.#pollMs || now < this.#restsUntil) return;
    this.#isPolling = true;
    this.#polledAt = now;
    setImmediate(this.#poll);
  }

  readonly #poll = (): void => {
    const now = performance.now();
    if (now - Math.max(this.#polledAt, this.#answeredAt) > LOST_MS)
      this.#restsUntil = now + REST_MS;
    this.#polledAt = now;
    this.#isPolling = now - this.#answeredAt < this.#pollMs && now >= this.#restsUntil;
    if (this.#isPolling) setImmediate(this.#poll);
  };
}
