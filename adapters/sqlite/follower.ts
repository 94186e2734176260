import { type Clone, HeadwaterError, isHeadwaterError } from "../../lib/index.ts";
import type { PageService } from "./page-service.ts";

/**
 * Has a clone go on with the next version of its source between two transactions: all pages that a
 * transaction reads are of one version.
 */
export class Follower {
  readonly #closing = new AbortController();
  #clone: Clone | undefined;
  #service: PageService | undefined;
  #isHolding = false;
  #following: Promise<boolean> | undefined;

  attach(clone: Clone, service: PageService): void {
    this.#clone = clone;
    this.#service = service;
    clone.on("stalled", (error) => {
      if (isHeadwaterError(error, "SOURCE_CHANGED")) void this.follow();
    });
  }

  /** What the clone is opened with: it asks before it advances, and must not wait for a reader. */
  readonly advancing = async (): Promise<() => void> => {
    const service = this.#service;
    if (service === undefined) return () => {}; // nobody reads yet
    if (service.isWrittenByOthers) {
      throw new HeadwaterError("DIVERGED", "the file is written to as a database of its own");
    }
    const release = this.#isHolding ? () => {} : service.tryHold();
    if (release === undefined) {
      throw new HeadwaterError("SOURCE_CHANGED", "a transaction is reading the version before");
    }
    return () => {
      service.republish();
      release();
      if (this.#clone?.status().hydration === "complete") service.takeOver();
    };
  };

  /** Resolves to whether the clone is of another version now. */
  follow(): Promise<boolean> {
    this.#following ??= this.#follow()
      .catch(() => false)
      .finally(() => {
        this.#following = undefined;
      });
    return this.#following;
  }

  close(): void {
    this.#closing.abort(new HeadwaterError("CLOSED", "the database is closed"));
  }

  async #follow(): Promise<boolean> {
    const [clone, service] = [this.#clone, this.#service];
    if (clone === undefined || service === undefined) return false;
    const release = await service.hold(this.#closing.signal);
    this.#isHolding = true;
    try {
      const before = clone.status().identity;
      // What is missing can be read only of the next version.
      for (const { offset } of clone.missing()) {
        await clone.read(offset, 1, { signal: this.#closing.signal });
        break;
      }
      return clone.status().identity !== before;
    } finally {
      this.#isHolding = false;
      release();
    }
  }
}
