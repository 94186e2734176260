import type { Duplex } from "node:stream";
import { HeadwaterError } from "../../lib/index.ts";

/** Reads exactly so many bytes at a time, while both sides take turns. */
export class SocketReader {
  readonly #socket: Duplex;
  readonly #signal: AbortSignal;
  #hasEnded = false;
  #resume = (): void => {};
  readonly #readable = (): void => this.#resume();
  readonly #end = (): void => {
    this.#hasEnded = true;
    this.#resume();
  };

  /** @param signal ends the wait for bytes; aborted at the latest when the socket is closed. */
  constructor(socket: Duplex, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    socket.on("readable", this.#readable);
    socket.on("end", this.#end);
    signal.addEventListener("abort", this.#readable, { once: true });
  }

  /** Whether bytes are here that nobody took. */
  get hasMore(): boolean {
    return this.#socket.readableLength > 0;
  }

  /** @throws {HeadwaterError} `CLOSED` when they end before. */
  async take(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    while (true) {
      this.#signal.throwIfAborted();
      const bytes = this.#socket.read(length) as Buffer | null;
      // At the end of the stream it gives what is left.
      if (bytes?.length === length) return bytes;
      if (bytes !== null || this.#hasEnded) {
        throw new HeadwaterError("CLOSED", "the other side has left");
      }
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
  }

  /** Leaves the socket, with what was not taken, to somebody else. */
  release(): void {
    this.#socket.off("readable", this.#readable);
    this.#socket.off("end", this.#end);
    this.#signal.removeEventListener("abort", this.#readable);
  }
}
