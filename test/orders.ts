import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Orders to a process of our own, each with its answer. The process ends with the channel. */
export class Orders<Order extends object> {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #ended: Promise<unknown>;
  #sent = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "exit");
    child.on("message", (answer: { id: number; result: unknown }) => {
      this.#answers.get(answer.id)?.(answer.result);
      this.#answers.delete(answer.id);
    });
  }

  give(order: Order): Promise<unknown> {
    this.#sent += 1;
    const id = this.#sent;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, resolve);
      this.#child.send({ id, ...order }, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  /** Ends the process. Calling it again is harmless. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
