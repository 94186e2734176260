import { once } from "node:events";
import type { Duplex } from "node:stream";
import { HeadwaterError } from "../../lib/index.ts";

/** Reads exactly so many bytes at a time, while both sides take turns. */
export class SocketReader {
  readonly #socket: Duplex;
  readonly #signal: AbortSignal;

  /** @param signal ends the wait for bytes; aborted at the latest when the socket is closed. */
  constructor(socket: Duplex, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
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
      if (this.#socket.readableEnded || bytes !== null) {
        throw new HeadwaterError("CLOSED", "the other side has left");
      }
      await this.#change();
    }
  }

  /** Resolves when there is more to read, or nothing will come any more. */
  async #change(): Promise<void> {
    const heard = new AbortController();
    const signal = AbortSignal.any([this.#signal, heard.signal]);
    const events = ["readable", "end"].map((event) => once(this.#socket, event, { signal }));
    try {
      await Promise.race(events);
    } finally {
      heard.abort();
    }
  }
}
