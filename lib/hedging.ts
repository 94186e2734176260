/** How long first bytes took lately: so many of them are remembered. */
const SAMPLES = 200;
/** With fewer nothing is known of what is usual. */
const LEAST_SAMPLES = 40;
/** The delay is found again after so many more. */
const RENEWAL = 10;
/** Later than this part of all, and than the mean by this factor, is late. */
const LATE_PART = 0.95;
const LATE_FACTOR = 1.5;
/** Nobody gains by a second request before this. */
const LEAST_DELAY_MS = 5;
/** So many in a row at most. */
const MOST_TOKENS = 10;
/** So many second requests are a trial. */
const TRIAL = 8;
/** Where this part of a trial came first more are made, and where less than that, none. */
const WORTHWHILE = 0.6;
const WORTHLESS = 0.25;
/** After a trial that was worthless nothing is tried for so many fetches; longer each time. */
const FIRST_REST = 1000;
const LONGEST_REST = 16_000;

/** The part of all fetches that is asked for twice at most, and by what factor it waits longer. */
interface Manner {
  readonly part: number;
  readonly factor: number;
}

/** While nobody knows whether it is worth while, or only now and then; and where it is. */
const SPARING: Manner = { part: 0.008, factor: 1.5 };
const EAGER: Manner = { part: 0.05, factor: 1 };

/**
 * When a second request for the same bytes is worth while, because the first is late: found out
 * from what first bytes took so far, bounded by a part of all fetches that is small until second
 * requests mostly come first, and given up for a while where they hardly ever do.
 */
export class Hedging {
  readonly #samples: number[] = [];
  #place = 0;
  #sinceRenewal = 0;
  #delayMs: number | undefined;
  #tokens = 1;
  #manner = SPARING;
  #trial = { made: 0, won: 0 };
  #restLeft = 0;
  #rest = FIRST_REST;

  /** A fetch begins. After so many milliseconds it is late; undefined where that is no matter. */
  begin(): number | undefined {
    const { part, factor } = this.#manner;
    this.#tokens = Math.min(MOST_TOKENS, this.#tokens + part);
    this.#restLeft = Math.max(0, this.#restLeft - 1);
    if (this.#restLeft > 0 || this.#delayMs === undefined) return undefined;
    return this.#delayMs * factor;
  }

  /** Whether a second request may be made now. */
  take(): boolean {
    if (this.#tokens < 1 || this.#restLeft > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  /** The first byte of a fetch came after so long, by whichever request. */
  arrived(ms: number): void {
    this.#samples[this.#place] = ms;
    this.#place = (this.#place + 1) % SAMPLES;
    this.#sinceRenewal += 1;
    if (this.#samples.length < LEAST_SAMPLES) return;
    if (this.#delayMs !== undefined && this.#sinceRenewal < RENEWAL) return;
    this.#sinceRenewal = 0;
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const late = sorted[Math.floor(sorted.length * LATE_PART)] ?? 0;
    const mean = sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length;
    this.#delayMs = Math.max(late, mean * LATE_FACTOR, LEAST_DELAY_MS);
  }

  /** A second request was made, and came first or did not. */
  decided(secondWon: boolean): void {
    const trial = this.#trial;
    trial.made += 1;
    if (secondWon) trial.won += 1;
    if (trial.made < TRIAL) return;
    this.#trial = { made: 0, won: 0 };
    const isWorthless = trial.won < TRIAL * WORTHLESS && this.#manner === SPARING;
    this.#manner = trial.won >= TRIAL * WORTHWHILE ? EAGER : SPARING;
    if (!isWorthless) {
      this.#rest = FIRST_REST;
      return;
    }
    this.#restLeft = this.#rest;
    this.#rest = Math.min(LONGEST_REST, this.#rest * 2);
  }
}
