import { setImmediate } from "node:timers/promises";

/** So many bytes are hashed in one turn of the event loop: about a millisecond. */
const BYTES_A_TURN: number = 2 ** 20;

/** Keeps those who hash side by side from holding the event loop together. */
export class HashingTurns {
  #left = BYTES_A_TURN;
  #next: Promise<void> | undefined;

  /** So many bytes were hashed. What it returns is to be awaited before more are. */
  spend(bytes: number): Promise<void> | undefined {
    this.#left -= bytes;
    if (this.#left > 0) return undefined;
    this.#next ??= setImmediate().then(() => {
      this.#left = BYTES_A_TURN;
      this.#next = undefined;
    });
    return this.#next;
  }
}

/** The one for everybody who does not bring another: all share one event loop. */
export const hashingTurns: HashingTurns = new HashingTurns();
