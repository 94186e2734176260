import { checkCount } from "./assert.ts";
import { HeadwaterError } from "./errors.ts";

export interface RetryOptions {
  /** How often a read with somebody waiting is tried again. Default 3. */
  demand?: number;
  /** How often a region is tried again in the background before it is quarantined. Default 1. */
  background?: number;
  /**
   * How often reads of the whole clone are tried again in a row, so that a server that is down is
   * left in peace however many wait for it: each takes one, and each second that passes and each
   * fetch that brings something gives one back. Default 100.
   */
  budget?: number;
  /** Failures in a row, with nothing landed between, after which hydration stalls. Default 8. */
  stallAfter?: number;
  /** The first pause, in milliseconds; it doubles from try to try. Default 100. */
  backoffMs?: number;
  /** The longest pause, in milliseconds, whatever a server asks for. Default 30 000. */
  maxBackoffMs?: number;
}

/** When a failure is tried again, and how soon. */
export class RetryPolicy {
  readonly demand: number;
  readonly background: number;
  readonly stallAfter: number;
  readonly #backoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #budget: number;
  #left: number;
  #countedAt: number | undefined;

  constructor(options: RetryOptions = {}) {
    const { demand = 3, background = 1, stallAfter = 8, budget = 100 } = options;
    const { backoffMs = 100, maxBackoffMs = 30_000 } = options;
    this.demand = checkCount("retries.demand", demand, 0);
    this.background = checkCount("retries.background", background, 0);
    this.stallAfter = checkCount("retries.stallAfter", stallAfter);
    this.#budget = checkCount("retries.budget", budget, 0);
    this.#left = budget;
    this.#backoffMs = checkCount("retries.backoffMs", backoffMs);
    this.#maxBackoffMs = checkCount("retries.maxBackoffMs", maxBackoffMs);
  }

  /** Takes one of the retries that the whole clone has, unless none is left. */
  take(now: number): boolean {
    const seconds = Math.floor((now - (this.#countedAt ?? now)) / 1000);
    this.#countedAt = (this.#countedAt ?? now) + seconds * 1000;
    this.#left = Math.min(this.#budget, this.#left + seconds);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** Something was brought: gives one back. */
  earn(): void {
    this.#left = Math.min(this.#budget, this.#left + 1);
  }

  /** Milliseconds to wait before the `attempt`-th new try, from 1: half of it is chance. */
  delayMs(attempt: number, error: unknown): number {
    const longest = Math.min(this.#maxBackoffMs, this.#backoffMs * 2 ** (attempt - 1));
    const own = longest * (0.5 + Math.random() / 2);
    const asked = error instanceof HeadwaterError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(own, Math.min(asked, this.#maxBackoffMs));
  }
}

/** Whether the same request may succeed later by itself. */
export function isRetryable(error: unknown): boolean {
  return error instanceof HeadwaterError && error.retryable;
}
