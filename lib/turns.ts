/** So many reads are answered without giving up the thread. */
const READS_IN_TURN = 128;

/**
 * A reader whose bytes are always here, and who so never waits, would keep the background from its
 * turn: every so often it waits for one.
 */
export class Turns {
  #reads = 0;

  /** To be called for each read: what to wait for before it is answered, if anything. */
  take(): Promise<void> | undefined {
    this.#reads = (this.#reads + 1) % READS_IN_TURN;
    if (this.#reads > 0) return undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
