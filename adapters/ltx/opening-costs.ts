import type { Meter } from "../../lib/index.ts";

/** Adds up what opening costs, for whoever reads first to be charged with. */
export class OpeningCosts implements Meter {
  #requests = 0;
  #bytes = 0;
  #payer: Meter | undefined;

  request(): void {
    if (this.#payer === undefined) this.#requests += 1;
    else this.#payer.request();
  }

  bytes(count: number): void {
    if (this.#payer === undefined) this.#bytes += count;
    else this.#payer.bytes(count);
  }

  /** Charges everything so far to the first who calls this, and what still comes. */
  charge(meter: Meter): void {
    if (this.#payer !== undefined) return;
    this.#payer = meter;
    for (let request = 0; request < this.#requests; request += 1) meter.request();
    meter.bytes(this.#bytes);
  }
}
