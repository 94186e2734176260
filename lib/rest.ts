import type { RegionLocks } from "./region-locks.ts";

/** What suspensions at the same time share: all regions are locked until the last has ended. */
export class Rest {
  #suspensions = 0;
  #locked: Promise<void> | undefined;
  #release = (): void => {};

  /** Resolves when nobody changes a region any more. */
  async begin(locks: RegionLocks, regionCount: number): Promise<void> {
    this.#suspensions += 1;
    this.#locked ??= locks.acquire(0, regionCount).then((release) => {
      this.#release = release;
    });
    await this.#locked;
  }

  /** To be called once for each `begin`, after it has resolved. */
  end(): void {
    this.#suspensions -= 1;
    if (this.#suspensions > 0) return;
    this.#locked = undefined;
    this.#release();
  }
}
