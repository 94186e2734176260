import type { Clock } from "../../lib/index.ts";

/** Ends the present life: the machine loses its power, or the process is killed. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** What must never be seen. */
export class Divergence extends Error {
  override readonly name = "Divergence";
}

interface Event {
  readonly at: number;
  readonly order: number;
  /** Happens again and again by itself, and so is no sign of life. */
  readonly isTick: boolean;
  action: (() => void) | undefined;
}

/** More events than any life needs. */
const MOST_STEPS = 50_000;
/** So many milliseconds of nothing but ticks, and whoever still waits waits for ever. */
const PATIENCE_MS = 40_000;
/** After so many steps the thread is given up for a moment. */
const STEPS_IN_TURN = 500;

const setRealImmediate = setImmediate;

/**
 * Time that jumps from one event to the next. Everything that takes time in a simulation is an
 * event of this queue, and between two of them every promise that can settle does so: the order
 * of everything follows from the delays alone.
 */
export class Timeline implements Clock {
  /** Called after each step. */
  afterStep = (): void => {};
  /** The step at which the life ends. */
  crashAt: number = Number.POSITIVE_INFINITY;
  steps = 0;
  #now: number;
  #order = 0;
  #aliveAt: number;
  readonly #queue: Event[] = [];

  constructor(now = 0) {
    this.#now = now;
    this.#aliveAt = now;
  }

  now(): number {
    return this.#now;
  }

  /** Returns what cancels it. */
  after(ms: number, action: () => void): () => void {
    return this.#schedule(ms, action, false);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  every(ms: number, tick: () => void): () => void {
    let cancel = (): void => {};
    const again = (): void => {
      const next = (): void => {
        again();
        tick();
      };
      cancel = this.#schedule(ms, next, true);
    };
    again();
    return () => cancel();
  }

  /**
   * Lets time pass until the work is done.
   *
   * @throws {Crash} when the step comes at which this life ends.
   * @throws {Divergence} when nothing that can still happen would end it.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    work.then(end, end);
    await settled();
    while (!isDone) await this.#step();
    return work;
  }

  /** Lets this much time pass, or less where nothing is left to happen but ticks. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    while (this.#queue.some(({ at, isTick, action }) => !isTick && at <= end && action)) {
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    const event = this.#next();
    if (event === undefined) throw new Divergence("somebody waits, and nothing will ever happen");
    this.#now = event.at;
    if (!event.isTick) this.#aliveAt = this.#now;
    if (this.#now - this.#aliveAt > PATIENCE_MS) {
      throw new Divergence(`somebody waits, and for ${PATIENCE_MS} ms nothing happened`);
    }
    this.steps += 1;
    if (this.steps >= this.crashAt) throw new Crash();
    if (this.steps > MOST_STEPS) throw new Divergence(`no end after ${MOST_STEPS} events`);
    event.action?.();
    await settled();
    if (this.steps % STEPS_IN_TURN === 0) await new Promise((resolve) => setRealImmediate(resolve));
    this.afterStep();
  }

  #schedule(ms: number, action: () => void, isTick: boolean): () => void {
    this.#order += 1;
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order, isTick, action };
    // Few are in the queue at a time, and most belong near its end, which is the soonest.
    let place = this.#queue.length;
    while (place > 0 && isBefore(this.#queue[place - 1] as Event, event)) place -= 1;
    this.#queue.splice(place, 0, event);
    return () => {
      event.action = undefined;
    };
  }

  #next(): Event | undefined {
    let event = this.#queue.pop();
    while (event !== undefined && event.action === undefined) event = this.#queue.pop();
    return event;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Resolves when every promise that can settle has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
