interface Held {
  readonly first: number;
  readonly end: number;
  readonly released: Promise<void>;
}

/** Lets go of what was locked. Calling it again is harmless. */
export type Release = () => void;

/**
 * Who may change a region now: a write, a discard or the landing of a copy, one at a time. A range
 * is locked all at once, first come first served, so that two holders cannot wait for each other.
 * Reads take no locks: what they read is hydrated, which is final.
 */
export class RegionLocks {
  readonly #held = new Set<Held>();

  isLocked(region: number): boolean {
    return this.#overlapping(region, region + 1).length > 0;
  }

  /** Waits for everybody who holds or waits for a part of the range and came earlier. */
  async acquire(first: number, end: number): Promise<Release> {
    const earlier = this.#overlapping(first, end);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held: Held = { first, end, released };
    this.#held.add(held);
    if (earlier.length > 0) await Promise.all(earlier.map((other) => other.released));
    return () => {
      this.#held.delete(held);
      release();
    };
  }

  /** Resolves once nobody who holds or waits for the region now does so any longer. */
  async whenFree(region: number): Promise<void> {
    await Promise.all(this.#overlapping(region, region + 1).map((other) => other.released));
  }

  #overlapping(first: number, end: number): Held[] {
    const found: Held[] = [];
    for (const held of this.#held) {
      if (held.first < end && first < held.end) found.push(held);
    }
    return found;
  }
}
