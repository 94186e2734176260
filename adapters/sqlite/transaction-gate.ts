import { AsyncLocalStorage } from "node:async_hooks";
import { HeadwaterError } from "../../lib/index.ts";

/** What runs in a transaction, and in those around it, of other connections. */
interface Inside {
  readonly gate: TransactionGate;
  readonly around: Inside | undefined;
  isOver: boolean;
}

const inside = new AsyncLocalStorage<Inside>();

/** Keeps work out of somebody's transaction on the same connection. */
export class TransactionGate {
  #over: Promise<void> | undefined;

  /**
   * Runs work when no transaction is open.
   *
   * @throws {HeadwaterError} `WOULD_DEADLOCK` in the transaction that it would wait for.
   */
  readonly pass = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (this.#over !== undefined) await this.#waitForOthers();
    return work();
  };

  /** Runs work, and nothing that is passed through meanwhile. @throws as `pass` does. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#over !== undefined) await this.#waitForOthers();
    let end = (): void => {};
    this.#over = new Promise((resolve) => {
      end = resolve;
    });
    const here: Inside = { gate: this, around: inside.getStore(), isOver: false };
    try {
      return await inside.run(here, work);
    } finally {
      here.isOver = true;
      this.#over = undefined;
      end();
    }
  }

  async #waitForOthers(): Promise<void> {
    this.#checkOutside();
    while (this.#over !== undefined) await this.#over;
  }

  #checkOutside(): void {
    for (let at = inside.getStore(); at !== undefined; at = at.around) {
      if (at.gate !== this || at.isOver) continue;
      const message =
        "this would wait for the transaction that it is called in: use what the transaction's " +
        "function is given, or another connection";
      throw new HeadwaterError("WOULD_DEADLOCK", message);
    }
  }
}
