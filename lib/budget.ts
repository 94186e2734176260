import type { Meter } from "./device.ts";
import { HeadwaterError } from "./errors.ts";
import type { Account, Ledger } from "./ledger.ts";

/** What the source may cost at most, since the clone was opened. */
export interface BudgetLimits {
  readonly maxBytes: number;
  readonly maxRequests: number;
  readonly maxCost: number;
  readonly pricePerRequest: number;
  /** Of 10^9 bytes. */
  readonly pricePerGigabyte: number;
}

const GIGABYTE = 1e9;

/**
 * Keeps what is asked of the source within the limits. What is under way is promised to it
 * beforehand, so that fetches side by side do not go past a limit together.
 */
export class Budget {
  limits: BudgetLimits;
  readonly #ledger: Ledger;
  #promisedBytes = 0;
  #promisedRequests = 0;

  constructor(ledger: Ledger, limits: BudgetLimits) {
    this.#ledger = ledger;
    this.limits = limits;
  }

  /** What was spent so far, as the prices have it. */
  get cost(): number {
    return this.#costOf(this.#ledger.requests, this.#ledger.bytesFetched);
  }

  /** How many bytes one request more may bring: 0 when there is to be none. */
  get room(): number {
    const { maxBytes, maxRequests, maxCost, pricePerGigabyte } = this.limits;
    const requests = this.#ledger.requests + this.#promisedRequests + 1;
    const bytes = this.#ledger.bytesFetched + this.#promisedBytes;
    const money = maxCost - this.#costOf(requests, bytes);
    if (requests > maxRequests || money < 0) return 0;
    const left = maxBytes - bytes;
    if (pricePerGigabyte === 0) return Math.max(0, left);
    return Math.max(0, Math.min(left, Math.floor((money / pricePerGigabyte) * GIGABYTE)));
  }

  /**
   * Promises one request of so many bytes, and counts what it really costs.
   *
   * @param exceeded called when it has cost so much more that a limit is passed.
   */
  open(account: Account, bytes: number, exceeded: (error: HeadwaterError) => void): Purchase {
    this.#promisedBytes += bytes;
    this.#promisedRequests += 1;
    const meter = this.#ledger.meter(account);
    let received = 0;
    let bytesLeft = bytes;
    let requestsLeft = 1;
    const keep = (bytesKept: number, requestsKept: number): void => {
      this.#promisedBytes -= bytesLeft - bytesKept;
      this.#promisedRequests -= requestsLeft - requestsKept;
      bytesLeft = bytesKept;
      requestsLeft = requestsKept;
    };
    return {
      request: () => {
        meter.request();
        keep(bytesLeft, 0);
        if (this.#isExceeded) exceeded(this.spent());
      },
      get received() {
        return received;
      },
      bytes: (count) => {
        received += count;
        meter.bytes(count);
        keep(Math.max(0, bytesLeft - count), requestsLeft);
        if (this.#isExceeded) exceeded(this.spent());
      },
      close: () => keep(0, 0),
    };
  }

  /** Why nothing more is asked for. */
  spent(): HeadwaterError {
    const { maxBytes, maxRequests, maxCost } = this.limits;
    const { requests, bytesFetched } = this.#ledger;
    const limits = [
      ...(maxBytes === Number.POSITIVE_INFINITY ? [] : [`${maxBytes} bytes`]),
      ...(maxRequests === Number.POSITIVE_INFINITY ? [] : [`${maxRequests} requests`]),
      ...(maxCost === Number.POSITIVE_INFINITY ? [] : [`a cost of ${maxCost}`]),
    ];
    const cost = this.cost === 0 ? "" : `, at an estimated ${Number(this.cost.toPrecision(3))}`;
    const message =
      `of ${limits.join(" and ")} at most, ${bytesFetched} bytes in ${requests} requests are ` +
      `spent${cost}; raise the limit to go on`;
    return new HeadwaterError("BUDGET_SPENT", message);
  }

  get #isExceeded(): boolean {
    const { maxBytes, maxRequests, maxCost } = this.limits;
    const { requests, bytesFetched } = this.#ledger;
    return bytesFetched > maxBytes || requests > maxRequests || this.cost > maxCost;
  }

  #costOf(requests: number, bytes: number): number {
    const { pricePerRequest, pricePerGigabyte } = this.limits;
    return requests * pricePerRequest + (bytes / GIGABYTE) * pricePerGigabyte;
  }
}

/** What one fetch costs, as it is spent. */
export interface Purchase extends Meter {
  /** Bytes so far. */
  readonly received: number;
  /** Nothing more is to come: what was promised and not spent is free again. Harmless again. */
  close(): void;
}
