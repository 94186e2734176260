import type { Clock } from "./clock.ts";
import type { RequestClass } from "./device.ts";

/** Fetches in the background at once, in the beginning and at most. */
const FIRST_CONCURRENCY = 4;
const MAX_CONCURRENCY = 16;
/** A background fetch, in bytes: at most, at least, and while nothing has been measured. */
const MAX_FETCH_SIZE: number = 8 * 2 ** 20;
const MIN_FETCH_SIZE: number = 256 * 2 ** 10;
const FIRST_FETCH_SIZE: number = 2 ** 20;
/** Nobody waited for a byte for so long: nobody does. */
const IDLE_MS = 1000;
/**
 * The beginning counts as busy only for so long: readers that open a blob read soon. Connections
 * are new and code is cold until then, so nothing that is found is final.
 */
const FIRST_IDLE_MS = 150;
/** More goodput by this factor makes more fetches at once worth while. */
const WORTHWHILE = 1.03;
/**
 * Doubling goes on while each fetch keeps this much of its speed. That tells a full link from a
 * slow start more surely than goodput does.
 */
const KEPT_SPEED = 0.75;
/** Or while goodput grows by this factor, where each fetch is slower for other reasons. */
const DOUBLED = 1.35;
/** A destination for which fetches wait such a part of their time gains nothing by more of them. */
const HELD = 0.25;
/** A thread as busy as this gets no more done by having more to do at once. */
const BUSY = 0.95;
/** Fetches whose mean sizes differ by more than this factor say nothing of each other's speed. */
const ALIKE = 2;
/** Goodput is judged over a window of at least this long, and of this many fetches each. */
const WINDOW_MS = 25;
/** A settled hydrator tries one more fetch at once every so often. */
const FIRST_PROBE_MS = 500;
const MAX_PROBE_MS = 8000;
/** Demand reads slower than their floor by this factor and this much make room for themselves. */
const SLOW_FACTOR = 1.25;
const SLOW_MS = 2;
const BACK_OFF = 0.7;
/** The floor of the demand latency is the least of this many milliseconds. */
const FLOOR_MS = 30_000;
/** A reader waits for a fetch under way this much longer than for a request of its own. */
const PATIENCE_MS = 40;

/** How one fetch went. */
export interface FetchReport {
  readonly class: RequestClass;
  readonly bytes: number;
  /** To the first byte. */
  readonly firstByteMs: number;
  /** From the first byte to the last. */
  readonly transferMs: number;
}

/** What a window of time showed. */
interface Found {
  /** Bytes a millisecond, of all fetches together and of one while it is served. */
  readonly goodput: number;
  readonly speed: number;
  /** The mean of the fetches that ended. */
  readonly size: number;
}

const NOTHING_FOUND: Found = { goodput: 0, speed: 0, size: 0 };

/**
 * How much is fetched at once: how many background fetches, and how large each is. Grows while
 * that brings more bytes a second, stops at the knee, and makes room when readers wait longer than
 * they need to. It never says less than one: the background always moves on.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #load: () => number;
  #concurrency = FIRST_CONCURRENCY;
  /** How it grows: doubling after a start, by one after readers made it small, or settled. */
  #phase: "doubling" | "recovering" | "settled" = "doubling";
  /** No growth before this: readers were slow. */
  #slowUntil = 0;
  #window = { startedAt: 0, bytes: 0, fetches: 0, heldMs: 0, speeds: 0, sizes: 0 };
  #best: Found & { readonly concurrency: number } = {
    ...NOTHING_FOUND,
    concurrency: FIRST_CONCURRENCY,
  };
  #probeMs = FIRST_PROBE_MS;
  #changedAt = 0;
  #firstByteMs: number | undefined;
  #bytesPerMs: number | undefined;
  #demand = { floorMs: Number.POSITIVE_INFINITY, floorAt: 0, recentMs: 0 };
  #busyUntil: number;
  /** The end of the beginning. */
  readonly #warmAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#load = clock.loadMeter?.() ?? (() => 0);
    const now = clock.now();
    this.#window.startedAt = now;
    this.#warmAt = now + FIRST_IDLE_MS;
    this.#busyUntil = this.#warmAt;
  }

  /** Background fetches allowed at once. */
  get concurrency(): number {
    return this.#concurrency;
  }

  /**
   * How large a background fetch may be now, in bytes; a power of two. While somebody reads, what
   * is left of one must not keep a reader longer than about a round trip.
   */
  get fetchSize(): number {
    if (this.#clock.now() >= this.#busyUntil) return MAX_FETCH_SIZE;
    if (this.#bytesPerMs === undefined || this.#firstByteMs === undefined) return FIRST_FETCH_SIZE;
    const roundTrip = this.#bytesPerMs * this.#firstByteMs;
    const size = 2 ** Math.round(Math.log2(Math.max(1, roundTrip)));
    return Math.min(MAX_FETCH_SIZE, Math.max(MIN_FETCH_SIZE, size));
  }

  /** A reader asked for what is not here. */
  missed(): void {
    this.#busyUntil = this.#clock.now() + IDLE_MS;
  }

  /**
   * Whether a reader does better with a request of its own than to wait for a fetch under way.
   *
   * @param bytesAhead to arrive before the reader's are whole.
   * @param waitedMs since the fetch was asked for; undefined once it delivers.
   */
  shouldLeave(bytesAhead: number, own: number, waitedMs: number | undefined): boolean {
    if (this.#bytesPerMs === undefined || this.#firstByteMs === undefined) return false;
    const toFirst = waitedMs === undefined ? 0 : Math.max(0, this.#firstByteMs - waitedMs);
    const join = toFirst + bytesAhead / this.#bytesPerMs;
    const fresh = this.#firstByteMs + own / this.#bytesPerMs;
    return join > fresh + PATIENCE_MS;
  }

  report(fetch: FetchReport): void {
    if (fetch.class === "demand") {
      this.#firstByteMs = blend(this.#firstByteMs, fetch.firstByteMs);
      this.#demandLatency(fetch.firstByteMs);
      return;
    }
    this.#firstByteMs = blend(this.#firstByteMs, fetch.firstByteMs);
    if (fetch.transferMs > 0 && fetch.bytes >= MIN_FETCH_SIZE) {
      const speed = fetch.bytes / fetch.transferMs;
      this.#bytesPerMs = blend(this.#bytesPerMs, speed);
      this.#window.speeds += speed;
      this.#window.sizes += fetch.bytes;
      this.#window.fetches += 1;
    }
  }

  /** So many bytes arrived in the background. Counted as they come: fetches are long. */
  arrived(bytes: number): void {
    this.#window.bytes += bytes;
  }

  /** A fetch waited so long until the destination had taken what it brought. */
  held(ms: number): void {
    this.#window.heldMs += ms;
  }

  /** To be called when a background fetch ends: may change the concurrency. */
  adapt(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#window.startedAt;
    if (elapsed < WINDOW_MS || this.#window.fetches < this.#concurrency) return;
    const { bytes, fetches, heldMs, speeds, sizes } = this.#window;
    const isFull = heldMs / (elapsed * this.#concurrency) > HELD || this.#load() > BUSY;
    const found = { goodput: bytes / elapsed, speed: speeds / fetches, size: sizes / fetches };
    // Where something else than the source was the limit, nothing is found out of the source.
    if (!isFull) this.#judge(found, now);
    this.#window = { startedAt: now, bytes: 0, fetches: 0, heldMs: 0, speeds: 0, sizes: 0 };
  }

  #judge(found: Found, now: number): void {
    const best = this.#best;
    if (this.#concurrency > best.concurrency && !this.#isWorthwhile(found)) {
      // What was added brought nothing: back to the knee, and stay there for longer each time.
      this.#concurrency = best.concurrency;
      if (this.#phase === "settled") this.#probeMs = Math.min(MAX_PROBE_MS, this.#probeMs * 2);
      if (this.#phase === "doubling" && (now < this.#warmAt || !isAlike(found, best))) {
        this.#best = { ...NOTHING_FOUND, concurrency: this.#concurrency };
      } else this.#phase = "settled";
      this.#changedAt = now;
      return;
    }
    this.#best = { ...found, concurrency: this.#concurrency };
    if (this.#concurrency >= MAX_CONCURRENCY || now < this.#slowUntil) return;
    if (this.#phase === "settled" && now - this.#changedAt < this.#probeMs) return;
    const growth = this.#phase === "doubling" ? this.#concurrency : 1;
    this.#concurrency = Math.min(MAX_CONCURRENCY, this.#concurrency + growth);
    this.#changedAt = now;
  }

  /** Whether the fetches that were added since the best window earn their place. */
  #isWorthwhile(found: Found): boolean {
    const { goodput, speed } = this.#best;
    if (this.#phase !== "doubling") return found.goodput >= goodput * WORTHWHILE;
    return found.speed >= speed * KEPT_SPEED || found.goodput >= goodput * DOUBLED;
  }

  #demandLatency(ms: number): void {
    const now = this.#clock.now();
    const demand = this.#demand;
    if (ms <= demand.floorMs || now - demand.floorAt > FLOOR_MS) {
      demand.floorMs = ms;
      demand.floorAt = now;
    }
    demand.recentMs = blend(demand.recentMs === 0 ? undefined : demand.recentMs, ms);
    if (demand.recentMs <= demand.floorMs * SLOW_FACTOR + SLOW_MS) return;
    if (now < this.#slowUntil) return;
    // One step down at a time: what is under way still has its old size.
    this.#concurrency = Math.max(1, Math.floor(this.#concurrency * BACK_OFF));
    this.#best = { ...NOTHING_FOUND, concurrency: this.#concurrency };
    this.#phase = "recovering";
    this.#changedAt = now;
    this.#slowUntil = now + IDLE_MS / 4;
  }
}

function isAlike(one: Found, other: Found): boolean {
  return one.size <= other.size * ALIKE && other.size <= one.size * ALIKE;
}

/** A running mean that forgets. */
function blend(mean: number | undefined, sample: number): number {
  return mean === undefined ? sample : mean + (sample - mean) / 4;
}
