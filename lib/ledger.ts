import { REPLACED } from "./checked-device.ts";
import type { Meter } from "./device.ts";
import { type FailureReason, failureReason } from "./failure-reason.ts";
import type { CloneStats, Spent } from "./status.ts";

/**
 * Where something is booked: a first try by its class, what follows a failure as retry, a second
 * request for what is late as hedge.
 */
export type Account = "demand" | "background" | "retry" | "hedge";

interface Sum {
  requests: number;
  bytes: number;
}

/** What was spent, exact: every request and every byte that came, in the class that caused it. */
export class Ledger {
  readonly #accounts: Record<Account, Sum> = {
    demand: { requests: 0, bytes: 0 },
    background: { requests: 0, bytes: 0 },
    retry: { requests: 0, bytes: 0 },
    hedge: { requests: 0, bytes: 0 },
  };
  readonly #failures: Record<FailureReason, number> = {
    ...{ timeout: 0, connection: 0, short: 0, status: 0, changed: 0, corrupt: 0, other: 0 },
  };
  /** Plain fields: they are counted on the path of a local read. */
  reads = 0;
  bytesWanted = 0;
  bytesLocal = 0;
  landedBytes = 0;
  abandonedBytes = 0;
  zeroBytes = 0;

  meter(account: Account): Meter {
    const sum = this.#accounts[account];
    return {
      request: () => {
        sum.requests += 1;
      },
      bytes: (count) => {
        sum.bytes += count;
      },
    };
  }

  /** A call of the source ended with this, which counts where it is the source's failure. */
  failed(error: unknown): void {
    const reason = error === REPLACED ? undefined : failureReason(error);
    if (reason !== undefined) this.#failures[reason] += 1;
  }

  get requests(): number {
    const { demand, background, retry, hedge } = this.#accounts;
    return demand.requests + background.requests + retry.requests + hedge.requests;
  }

  get bytesFetched(): number {
    const { demand, background, retry, hedge } = this.#accounts;
    return demand.bytes + background.bytes + retry.bytes + hedge.bytes;
  }

  stats(): CloneStats {
    const spent = (account: Account): Spent => ({ ...this.#accounts[account] });
    const { bytesFetched, landedBytes } = this;
    return {
      reads: this.reads,
      bytesWanted: this.bytesWanted,
      bytesLocal: this.bytesLocal,
      demand: spent("demand"),
      background: spent("background"),
      retry: spent("retry"),
      hedge: spent("hedge"),
      failures: { ...this.#failures },
      abandonedBytes: this.abandonedBytes,
      zeroBytes: this.zeroBytes,
      bytesFetched,
      requests: this.requests,
      amplification: landedBytes === 0 ? 1 : bytesFetched / landedBytes,
    };
  }
}
