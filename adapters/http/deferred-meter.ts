import type { Meter } from "../../lib/index.ts";

/** Adds up what is spent before anybody is there to pay for it. */
export class DeferredMeter implements Meter {
  #requests = 0;
  #bytes = 0;
  #meter: Meter | undefined;

  request(): void {
    if (this.#meter === undefined) this.#requests += 1;
    else this.#meter.request();
  }

  bytes(count: number): void {
    if (this.#meter === undefined) this.#bytes += count;
    else this.#meter.bytes(count);
  }

  /** Reports everything so far, and from here on each thing as it is spent. Called once. */
  forwardTo(meter: Meter): void {
    for (let request = 0; request < this.#requests; request += 1) meter.request();
    if (this.#bytes > 0) meter.bytes(this.#bytes);
    this.#meter = meter;
  }
}
