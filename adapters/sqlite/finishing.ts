import type { Clone } from "../../lib/index.ts";
import type { PageService } from "./page-service.ts";

/** How often it is looked whether nobody has anything open, in milliseconds. */
const LOOK_MS = 20;

/**
 * When a copy that can be written gets its final name: it is asked for, or nobody has anything open
 * and a native driver could take over.
 */
export class Finishing {
  #allow = (): void => {};
  #become = (): void => {};
  readonly #allowed: Promise<void>;
  readonly #isWhole: Promise<void>;

  constructor() {
    this.#allowed = new Promise((resolve) => {
      this.#allow = resolve;
    });
    this.#isWhole = new Promise((resolve) => {
      this.#become = resolve;
    });
  }

  /** What the clone is opened with: asked when everything is local. */
  readonly asked = (): Promise<void> => {
    this.#become();
    return this.#allowed;
  };

  allow(): void {
    this.#allow();
  }

  /** Allows it in a moment in which no connection has anything open. Ends when it has its name. */
  async whenIdle(clone: Clone, service: PageService, signal: AbortSignal): Promise<void> {
    await this.#isWhole;
    let release = service.tryHold();
    while (release === undefined) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, LOOK_MS).unref();
      });
      if (signal.aborted) return;
      release = service.tryHold();
    }
    try {
      this.#allow();
      await clone.hydrated();
    } catch {
      // It goes on as it is; who waits for the file is told.
    } finally {
      release();
    }
  }
}
