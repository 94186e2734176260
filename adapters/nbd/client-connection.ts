import type { Socket } from "node:net";
import { HeadwaterError } from "../../lib/index.ts";
import { failure, networkFailure, requestFailure, violation } from "./client-failures.ts";
import { type Agreement, Handshake } from "./client-handshake.ts";
import { type Asked, Replies } from "./client-replies.ts";
import { type Request, WrongAnswer } from "./client-request.ts";
import { makeSocket, whenSocket } from "./client-socket.ts";
import { COMMAND, NBD_ERROR, REQUEST_MAGIC, REQUEST_SIZE } from "./protocol.ts";
import type { NbdTlsOptions } from "./source-options.ts";
import type { NbdUri } from "./uri.ts";

/** Less than this in the time of a stall is no progress, unless it completes an answer. */
const PROGRESS_SIZE: number = 2 ** 10;

/**
 * A server has so long to hang up after a farewell, then it is hung up upon. Until then it may send
 * what it owes: some (nbdkit 1.32) end as a whole when that cannot be sent any more.
 */
const FAREWELL_MS = 2000;

export interface ConnectionOptions {
  readonly tls: NbdTlsOptions;
  readonly connectTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** What happens to a connection; never called before it is open. */
export interface ConnectionEvents {
  /** An answer is complete. */
  answered(): void;
  /** It takes no more requests; those under way have failed, or end by themselves. */
  lost(): void;
}

interface Sent extends Asked {
  readonly at: number;
}

/** One connection to an export: many requests at once, answered in any order. */
export class Connection {
  readonly agreement: Agreement;
  readonly #name: string;
  readonly #socket: Socket;
  readonly #stallTimeoutMs: number;
  readonly #events: ConnectionEvents;
  readonly #replies: Replies;
  /** Those under way, by their cookie, the oldest first. */
  readonly #sent = new Map<number, Sent>();
  readonly #closed: Promise<void>;
  #cookie = 0;
  #load = 0;
  #progress = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;
  #hasLeft = false;

  private constructor(
    socket: Socket,
    agreement: Agreement,
    name: string,
    { stallTimeoutMs }: ConnectionOptions,
    events: ConnectionEvents,
  ) {
    this.agreement = agreement;
    this.#name = name;
    this.#socket = socket;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#events = events;
    this.#replies = new Replies({
      isStructured: agreement.isStructured,
      find: (cookie) => this.#sent.get(cookie),
      done: (cookie) => this.#answered(cookie),
      refused: (asked, number, text) => this.#refused(asked, number, text),
    });
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
    socket.on("error", (error) => this.#fail(networkFailure(name, error)));
    socket.on("close", () => this.#fail(networkFailure(name, new Error("the server hung up"))));
    socket.resume();
    socket.unref(); // an idle connection keeps no process alive
  }

  /**
   * @throws {HeadwaterError} what the server refuses the export with; `SOURCE_FAILED`, `CORRUPT` or
   *   `TIMEOUT` where there is none to talk to. What the signal was aborted with.
   */
  static async open(
    uri: NbdUri,
    options: ConnectionOptions,
    events: ConnectionEvents,
  ): Promise<Connection> {
    const { connectTimeoutMs, signal } = options;
    const { name } = uri;
    const late = `could not be connected to within ${connectTimeoutMs} ms`;
    const timeout = failure("TIMEOUT", name, late, { retryable: true });
    signal.throwIfAborted();
    const first = makeSocket(uri.address);
    const handshake = new Handshake(first, uri, options.tls);
    let ending: { readonly error: unknown } | undefined;
    const end = (error: unknown): void => {
      ending ??= { error };
      handshake.socket.destroy();
    };
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(() => end(timeout), connectTimeoutMs);
    try {
      await whenSocket(first, "connect");
      const agreement = await handshake.run();
      const { socket } = handshake;
      if (socket.destroyed) throw socket.errored ?? new Error("the server hung up");
      return new Connection(socket, agreement, name, options, events);
    } catch (error) {
      handshake.socket.destroy();
      throw ending === undefined ? networkFailure(name, error) : ending.error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes that are asked for and not yet answered. */
  get load(): number {
    return this.#load;
  }

  send(request: Request): void {
    const { minimum } = this.agreement.blockSize;
    const offset = request.offset - (request.offset % minimum);
    const end = Math.ceil((request.offset + request.length) / minimum) * minimum;
    const length = Math.min(end, this.agreement.size) - offset;
    request.sent(offset, length);
    this.#cookie += 1;
    this.#load += length;
    this.#sent.set(this.#cookie, { request, offset, length, at: performance.now() });
    if (this.#sent.size === 1) {
      this.#socket.ref();
      this.#watch();
    }
    request.meter.request();
    this.#write(request.command, this.#cookie, offset, length);
  }

  /** Fails what is under way, and parts from the server in good order. */
  async close(error: unknown): Promise<void> {
    this.#leave(error);
    await this.#closed;
  }

  #write(command: number, cookie: number, offset: number, length: number): void {
    const bytes = Buffer.alloc(REQUEST_SIZE);
    bytes.writeUInt32BE(REQUEST_MAGIC, 0);
    bytes.writeUInt16BE(command, 6);
    bytes.writeBigUInt64BE(BigInt(cookie), 8);
    bytes.writeBigUInt64BE(BigInt(offset), 16);
    bytes.writeUInt32BE(length, 24);
    this.#socket.write(bytes);
  }

  /** No more requests from here on. */
  #retire(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events.lost();
  }

  /** The connection is of no more use. What is under way fails with this error. */
  #fail(error: unknown): void {
    this.#socket.destroy();
    this.#leave(error);
  }

  #leave(error: unknown): void {
    this.#retire();
    // They stay known: what still comes for them is dropped.
    for (const { request } of this.#sent.values()) request.fail(error);
    this.#farewell();
  }

  #farewell(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    clearTimeout(this.#timer);
    if (this.#socket.destroyed) return;
    this.#socket.ref();
    this.#write(COMMAND.disconnect, 0, 0, 0);
    const timer = setTimeout(() => this.#socket.destroy(), FAREWELL_MS);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #received(bytes: Buffer): void {
    this.#progress += bytes.length;
    if (this.#progress >= PROGRESS_SIZE) this.#watch();
    try {
      this.#replies.push(bytes);
    } catch (error) {
      if (!(error instanceof WrongAnswer)) throw error;
      this.#fail(violation(this.#name, error.message));
    }
  }

  #answered(cookie: number): void {
    const answered = this.#sent.get(cookie);
    this.#sent.delete(cookie);
    this.#load -= answered?.length ?? 0;
    this.#watch();
    this.#findForgotten(answered?.at ?? 0);
    if (this.#sent.size === 0) {
      if (this.#isOpen) this.#socket.unref();
      else this.#farewell();
    }
    this.#events.answered();
  }

  /** A request is lost that is still not answered when one asked much later is. */
  #findForgotten(at: number): void {
    const [oldest] = this.#sent.values();
    if (this.#hasLeft || oldest === undefined) return;
    if (at - oldest.at > this.#stallTimeoutMs) this.#stall();
  }

  #refused(asked: Asked, number: number, text: string): void {
    asked.request.refuse(requestFailure(this.#name, asked, number, text));
    if (number === NBD_ERROR.shutdown) this.#retire(); // it hangs up when all is answered
  }

  /** From here on the server has so much time to bring something. */
  #watch(): void {
    this.#progress = 0;
    if (this.#hasLeft) return;
    if (this.#sent.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#stall(), this.#stallTimeoutMs);
    } else {
      this.#timer.refresh();
    }
  }

  #stall(): void {
    const [oldest] = this.#sent.values();
    const { offset = 0, length = 0 } = oldest ?? {};
    const message = `owes ${length} bytes at ${offset}, and sent too little in ${this.#stallTimeoutMs} ms`;
    this.#leave(
      new HeadwaterError("TIMEOUT", `${this.#name} ${message}`, {
        offset,
        length,
        retryable: true,
      }),
    );
  }
}
