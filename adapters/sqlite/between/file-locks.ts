import { assert } from "../../../lib/assert.ts";

/** Connections of one clone at once, at most; the first place is the clone's own. */
export const MOST_CONNECTIONS = 63;
/** The place of the clone itself: with it nobody begins to read, while the clone advances. */
export const CLONE_PLACE = 0;

const PLACES = MOST_CONNECTIONS + 1;

/** SQLite's levels of a lock on a database file (sqlite.org/lockingv3.html). */
export const LOCK = { NONE: 0, SHARED: 1, RESERVED: 2, PENDING: 3, EXCLUSIVE: 4 } as const;

export type LockLevel = (typeof LOCK)[keyof typeof LOCK];

/** Who has `RESERVED` or more, as its place and 1; 0 for nobody. */
const WRITER = PLACES;
/** Rises whenever somebody lets go of something. */
const CHANGES = PLACES + 1;
const WORDS = PLACES + 2;

/** The level of a place that nobody has. */
const VACANT = -1;

/**
 * The locks on a database file, in memory that all threads of its connections share: each has a
 * place of its own, which holds the level of its lock. Node has no locks that SQLite's own files
 * systems would use, and the file belongs to one process.
 *
 * Nobody waits in here, so that a thread can end at any step: who wants something says so first,
 * and looks at the others afterwards. Of two who do that at once at least one sees the other.
 */
export class FileLocks {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory of another thread's; without it nobody holds anything. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.memory);
    if (memory === undefined) this.#words.fill(VACANT, 1, PLACES);
  }

  /** A place for one more connection; undefined where there are too many. For one thread only. */
  take(): number | undefined {
    const place = this.#words.subarray(1, PLACES).indexOf(VACANT);
    if (place === -1) return undefined;
    Atomics.store(this.#words, place + 1, LOCK.NONE);
    return place + 1;
  }

  /** Gives a place back, whatever was held there, even by a thread that died. */
  vacate(place: number): void {
    this.#release(place, VACANT);
  }

  levelOf(place: number): LockLevel {
    return Math.max(LOCK.NONE, Atomics.load(this.#words, place)) as LockLevel;
  }

  /** Whether the lock could be had; where not, `EXCLUSIVE` leaves `PENDING` behind. */
  raise(place: number, level: LockLevel): boolean {
    if (this.levelOf(place) >= level) return true;
    if (level === LOCK.SHARED) return this.#share(place);
    assert(level !== LOCK.PENDING, "SQLite never asks for PENDING");
    const writer = Atomics.compareExchange(this.#words, WRITER, 0, place + 1);
    if (writer !== 0 && writer !== place + 1) return false;
    Atomics.store(this.#words, place, level === LOCK.RESERVED ? level : LOCK.PENDING);
    if (level === LOCK.RESERVED) return true;
    if (this.#highestOther(place) >= LOCK.SHARED) return false;
    Atomics.store(this.#words, place, level);
    return true;
  }

  lower(place: number, level: LockLevel): void {
    if (this.levelOf(place) > level) this.#release(place, level);
  }

  /** Whether another connection is about to write. */
  isReservedByOther(place: number): boolean {
    const writer = Atomics.load(this.#words, WRITER);
    return writer !== 0 && writer !== place + 1;
  }

  /** Whether the clone keeps everybody out for a moment. */
  get isHeldByClone(): boolean {
    return this.levelOf(CLONE_PLACE) >= LOCK.PENDING;
  }

  /** Waits, on this thread, until somebody lets go of something, for `ms` at most. */
  waitForChange(since: number, ms: number): void {
    Atomics.wait(this.#words, CHANGES, since, ms);
  }

  /** To be asked for before looking, and given to `waitForChange` afterwards. */
  get changes(): number {
    return Atomics.load(this.#words, CHANGES);
  }

  #share(place: number): boolean {
    Atomics.store(this.#words, place, LOCK.SHARED);
    if (this.#highestOther(place) < LOCK.PENDING) return true;
    this.#release(place, LOCK.NONE);
    return false;
  }

  #highestOther(place: number): number {
    let highest: number = LOCK.NONE;
    for (let other = 0; other < PLACES; other += 1) {
      if (other !== place) highest = Math.max(highest, Atomics.load(this.#words, other));
    }
    return highest;
  }

  #release(place: number, level: LockLevel | typeof VACANT): void {
    Atomics.store(this.#words, place, level);
    if (level < LOCK.RESERVED) Atomics.compareExchange(this.#words, WRITER, place + 1, 0);
    Atomics.add(this.#words, CHANGES, 1);
    Atomics.notify(this.#words, CHANGES);
  }
}
