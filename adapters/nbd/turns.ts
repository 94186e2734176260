/** How long requests are answered before everything else in the process has its turn. */
const TURN_MS = 2;

/**
 * Shares the thread between the connections of a server and the rest of the process: what one
 * burst of requests leaves is answered in later turns of the event loop, each connection after the
 * others.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #endsAt = 0;

  /** Whether the present turn of the event loop has gone on for long enough. */
  get isOver(): boolean {
    return performance.now() > this.#endsAt;
  }

  /** To be called before a burst of requests is answered: begins a turn where none has begun. */
  begin(): void {
    if (this.#endsAt !== 0) return;
    this.#endsAt = performance.now() + TURN_MS;
    setImmediate(this.#end);
  }

  /** Calls `resume` in a later turn. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
  }

  readonly #end = (): void => {
    this.#endsAt = 0;
    const due = this.#waiting.splice(0);
    if (due.length > 0) this.begin();
    let resume = due.shift();
    while (resume !== undefined) {
      resume();
      // Those who had no turn come before those who had one.
      if (this.isOver) break;
      resume = due.shift();
    }
    this.#waiting.unshift(...due);
  };
}
