import { assert } from "../../lib/index.ts";
import { randomFrom } from "../devices/random.ts";

/** Chance that is the same for the same seed. */
export class Random {
  readonly #next: (count: number) => number;

  constructor(seed: number) {
    this.#next = randomFrom(seed);
    this.#next(2); // the first number of neighbouring seeds is alike
  }

  /** A whole number from 0 to before `count`. */
  below(count: number): number {
    return this.#next(count);
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.#next(most - least + 1);
  }

  /** From 0 to before 1. */
  fraction(): number {
    return this.#next(2 ** 30) / 2 ** 30;
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** As many numbers of each order of magnitude. */
  magnitude(least: number, most: number): number {
    return least * (most / least) ** this.fraction();
  }

  pick<T>(choices: readonly T[]): T {
    assert(choices.length > 0, "there is nothing to pick from");
    return choices[this.below(choices.length)] as T;
  }

  /** One of the keys, as often as its number says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as [Key, number][];
    let left = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries.at(-1) as [Key, number])[0];
  }

  /** Another sequence, so that who draws from one does not disturb who draws from the other. */
  fork(): Random {
    return new Random(this.#next(2 ** 32));
  }
}
