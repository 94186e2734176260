import { availableParallelism } from "node:os";

/** How often to look whether the processor was taken away, while polling. */
const LOOK_MS = 10;
/** How long to sleep as usual after it was. */
const REST_MS = 500;

/**
 * Keeps the event loop awake for a moment after an answer while requests come one upon the other.
 * A client that waits for each answer before it asks again is served in half the time: for a
 * request of some microseconds, most of it is the sleep of this thread and its waking. Where others
 * want the processor it is the other way round, because a system wakes first who slept: so polling
 * rests when it has cost us the processor.
 */
export class Poller {
  readonly #pollMs: number;
  #answeredAt = 0;
  #restsUntil = 0;
  #isPolling = false;
  #lookedAt = 0;
  #switches = 0;

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
    setImmediate(this.#poll);
  }

  readonly #poll = (): void => {
    const now = performance.now();
    if (now - this.#lookedAt > LOOK_MS) this.#look(now);
    this.#isPolling = now - this.#answeredAt < this.#pollMs && now >= this.#restsUntil;
    if (this.#isPolling) setImmediate(this.#poll);
  };

  #look(now: number): void {
    const { involuntaryContextSwitches: switches } = process.resourceUsage();
    const isRecent = now - this.#lookedAt < 2 * LOOK_MS;
    if (isRecent && switches - this.#switches > 1) this.#restsUntil = now + REST_MS;
    this.#lookedAt = now;
    this.#switches = switches;
  }
}
