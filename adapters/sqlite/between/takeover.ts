import { MOST_CONNECTIONS } from "./file-locks.ts";

/** How far a native driver is in taking over from SQLite in WebAssembly. */
const STAGE = {
  /** The database is not an ordinary file. */
  NONE: 0,
  /** It is one, and every connection that can do without WebAssembly says so. */
  ASKED: 1,
  /** One of them looks at all of them, and nobody begins anything: for some microseconds. */
  DECIDING: 2,
  /** A native driver runs whatever begins. */
  DONE: 3,
} as const;

const STAGE_WORD = 0;
/** Whether a connection has taken over already, or found that none can. */
const FIRST_WORD = 1;
const NOBODY = 0;
const SOMEBODY = 1;
const NONE_CAN = 2;
const READY_WORDS = 2;
/** By place, as that of a lock. Who is not there has nothing against it. */
const READY = 0;
const NOT_READY = 1;
/** A decision is made in microseconds; who makes it may be kept from running. */
const LOOK_MS = 20;

/**
 * Has all connections of a database go over to a native driver, in memory that their threads share.
 *
 * A native driver knows nothing of the locks in our memory, nor does SQLite in WebAssembly of those
 * of the file system. So where anybody may write, all go over at one moment, in which none of them
 * has anything open: each says that it is ready when a statement has ended, takes that back before
 * the next one begins, and the last one to be ready decides. Where nobody writes, each goes over by
 * itself.
 */
export class Takeover {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory of another thread's. */
  constructor(memory?: SharedArrayBuffer) {
    const words = READY_WORDS + MOST_CONNECTIONS + 1;
    this.memory = memory ?? new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.memory);
  }

  /** A connection begins, or may begin something. */
  object(place: number): void {
    Atomics.store(this.#words, READY_WORDS + place, NOT_READY);
  }

  /** It has nothing open, and begins nothing before it objects; or it is gone. */
  agree(place: number): void {
    Atomics.store(this.#words, READY_WORDS + place, READY);
    this.#decide();
  }

  /** Asks all connections: the database is an ordinary file. */
  ask(): void {
    this.#move(STAGE.NONE, STAGE.ASKED);
    this.#decide();
  }

  /** The same where nobody writes, and so nobody has to be asked. */
  allow(): void {
    this.#set(STAGE.DONE);
  }

  /** The database is no ordinary file any more. Only where nobody writes. */
  forbid(): void {
    this.#set(STAGE.NONE);
  }

  get isAsked(): boolean {
    return Atomics.load(this.#words, STAGE_WORD) === STAGE.ASKED;
  }

  /** Whether a native driver is to run what begins now, after `object`. Waits for a decision. */
  get isDone(): boolean {
    while (true) {
      const stage = Atomics.load(this.#words, STAGE_WORD);
      if (stage !== STAGE.DECIDING) return stage === STAGE.DONE;
      Atomics.wait(this.#words, STAGE_WORD, STAGE.DECIDING, LOOK_MS);
    }
  }

  /** Whether nobody else has gone over before. For the first one that asks. */
  takeFirst(): boolean {
    return Atomics.exchange(this.#words, FIRST_WORD, SOMEBODY) === NOBODY;
  }

  /** A connection begins with a native driver. False where another has found that none can. */
  claim(): boolean {
    return Atomics.compareExchange(this.#words, FIRST_WORD, NOBODY, SOMEBODY) !== NONE_CAN;
  }

  /** A connection cannot begin with one. False where another has. */
  takeBack(): boolean {
    const found = Atomics.compareExchange(this.#words, FIRST_WORD, NOBODY, NONE_CAN);
    if (found === NOBODY) this.#set(STAGE.NONE);
    return found !== SOMEBODY;
  }

  #decide(): void {
    // Who decides already may have looked before we agreed.
    while (!this.#move(STAGE.ASKED, STAGE.DECIDING)) {
      if (Atomics.load(this.#words, STAGE_WORD) !== STAGE.DECIDING) return;
      Atomics.wait(this.#words, STAGE_WORD, STAGE.DECIDING, LOOK_MS);
    }
    let isDone = true;
    for (let place = 0; place <= MOST_CONNECTIONS; place += 1) {
      if (Atomics.load(this.#words, READY_WORDS + place) === NOT_READY) isDone = false;
    }
    this.#set(isDone ? STAGE.DONE : STAGE.ASKED);
  }

  #move(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, STAGE_WORD, from, to) === from;
  }

  #set(stage: number): void {
    Atomics.store(this.#words, STAGE_WORD, stage);
    Atomics.notify(this.#words, STAGE_WORD);
  }
}
