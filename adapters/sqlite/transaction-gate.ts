/** Keeps work out of somebody's transaction on the same connection. */
export class TransactionGate {
  #over: Promise<void> | undefined;

  /** Runs work when no transaction is open. */
  readonly pass = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    while (this.#over !== undefined) await this.#over;
    return work();
  };

  /** Runs work, and nothing that is passed through meanwhile. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#over !== undefined) await this.#over;
    let end = (): void => {};
    this.#over = new Promise((resolve) => {
      end = resolve;
    });
    try {
      return await work();
    } finally {
      this.#over = undefined;
      end();
    }
  }
}
