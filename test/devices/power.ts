import { HeadwaterError } from "../../lib/index.ts";

/** The power that several devices share. It is cut at one step, for all of them at once. */
export class Power {
  /** Steps taken so far: each operation of a device takes one when it begins and one later. */
  steps = 0;
  readonly #cutAt: number;
  #isOut = false;

  /** @param cutAt the number of the step at which the power is cut, from 1. */
  constructor(cutAt: number = Number.POSITIVE_INFINITY) {
    this.#cutAt = cutAt;
  }

  get isOut(): boolean {
    return this.#isOut;
  }

  /** Cut now, whatever the step. */
  cut(): void {
    this.#isOut = true;
  }

  /** To be called before anything takes effect: throws when there is no power any more. */
  step(): void {
    this.steps += 1;
    if (this.steps >= this.#cutAt) this.#isOut = true;
    if (this.#isOut) throw new HeadwaterError("DESTINATION_FAILED", "the power is out");
  }
}
