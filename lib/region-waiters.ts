interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Who waits for which region of a fetch. */
export class RegionWaiters {
  readonly #waiters = new Map<number, Waiter>();

  get size(): number {
    return this.#waiters.size;
  }

  wait(region: number): Promise<void> {
    let waiter = this.#waiters.get(region);
    if (waiter === undefined) {
      waiter = makeWaiter();
      this.#waiters.set(region, waiter);
    }
    return waiter.promise;
  }

  /** Whether anybody waits for one of these regions. */
  some(first: number, end: number): boolean {
    for (const region of this.#waiters.keys()) if (first <= region && region < end) return true;
    return false;
  }

  /** Wakes those who wait for one of these regions. */
  resolve(first: number, end: number): void {
    for (const [region, waiter] of this.#waiters) {
      if (region < first || region >= end) continue;
      waiter.resolve();
      this.#waiters.delete(region);
    }
  }

  resolveAll(): void {
    for (const waiter of this.#waiters.values()) waiter.resolve();
    this.#waiters.clear();
  }

  /** Ends every wait with this error. */
  reject(error: unknown): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

function makeWaiter(): Waiter {
  let resolve = (): void => {};
  let reject = (_: unknown): void => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {}); // whoever waits has the promise itself
  return { promise, resolve, reject };
}
