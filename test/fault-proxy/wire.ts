import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, headOf } from "./answer.ts";

/** Thrown where the connection is over, whoever ended it. */
export class WireOver extends Error {}

/** The client's connection, with everything that can be done to it. */
export class Wire {
  readonly #socket: Socket;
  /** Nobody listens at the door any more, for good or for a moment. */
  readonly refuse: () => void;

  constructor(socket: Socket, refuse: () => void) {
    this.#socket = socket;
    this.refuse = refuse;
  }

  async write(data: Uint8Array | string): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) throw new WireOver();
    if (this.#socket.write(data)) return;
    const over = new AbortController();
    const close = (): void => over.abort();
    this.#socket.once("close", close);
    try {
      await once(this.#socket, "drain", { signal: over.signal });
    } catch {
      throw new WireOver();
    } finally {
      this.#socket.off("close", close);
    }
  }

  /** The whole answer, as it should be. */
  async send(answer: Answer): Promise<void> {
    await this.write(headOf(answer));
    await this.write(answer.body);
  }

  /** All but what comes after so many bytes of the body. */
  async sendPart(answer: Answer, length: number): Promise<void> {
    await this.write(headOf(answer));
    await this.write(answer.body.subarray(0, length));
  }

  /** A few bytes at a time; the client may leave meanwhile. */
  async drip(data: Uint8Array, size: number, everyMs: number): Promise<void> {
    for (let at = 0; at < data.length; at += size) {
      await this.write(data.subarray(at, at + size));
      await sleep(everyMs);
    }
  }

  /** In good order, after what was written. */
  end(): never {
    this.#socket.end();
    throw new WireOver();
  }

  /** What was written before has left, unless the client does not take it. */
  async reset(): Promise<never> {
    await sleep(5);
    this.#socket.resetAndDestroy();
    throw new WireOver();
  }

  /** Nothing more, until the client has had enough. */
  async silence(): Promise<never> {
    if (!this.#socket.destroyed) {
      await new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    }
    throw new WireOver();
  }
}
