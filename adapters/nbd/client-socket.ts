import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { NbdTlsOptions } from "./source-options.ts";
import type { NbdUri, ServerAddress } from "./uri.ts";

/** Between the packets that ask whether an idle server is still there. */
const KEEP_ALIVE_MS = 30_000;

/** A socket that is yet to be connected. Whoever asked for it destroys it. */
export function makeSocket(address: ServerAddress): Socket {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const socket =
    "path" in address
      ? connect({ path: address.path })
      : connect({ ...address, ...keepAlive, noDelay: true });
  return socket.on("error", NOTED);
}

/** The same connection from here on under TLS. Its handshake goes on by itself. */
export function wrapInTls(socket: Socket, uri: NbdUri, tls: NbdTlsOptions): TLSSocket {
  const { tlsHostname: host } = uri;
  const options = { ...tls, socket, host, ...(isIP(host) === 0 && { servername: host }) };
  // Its types know Buffer only.
  return connectTls(options as ConnectionOptions).on("error", NOTED);
}

/** Resolves at the event; rejects when the socket breaks or ends before it. */
export function whenSocket(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      socket.off(event, onEvent).off("error", settle).off("close", onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onEvent = (): void => settle();
    const onClose = (): void => settle(socket.errored ?? new Error(ENDED));
    socket.on(event, onEvent).on("error", settle).on("close", onClose);
  });
}

/** Takes what a socket receives in exact portions. Nobody else may read it until `release`. */
export class Inlet {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #isEnded: boolean;
  #wake = (): void => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#isEnded = socket.destroyed;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onEnd);
  }

  /** The next `length` bytes. */
  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) {
      if (this.#isEnded) throw this.#socket.errored ?? new Error(ENDED);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
    const bytes = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return bytes;
  }

  /** Gives back to the socket what was not taken. It stays paused. */
  release(): void {
    const socket = this.#socket.pause();
    socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onEnd);
    if (this.#bytes.length > 0 && !this.#isEnded) socket.unshift(this.#bytes);
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    this.#socket.pause(); // no more than is asked for
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    this.#wake();
  };
}

/** An error may come while nobody waits; who waits next finds it in `errored`. */
const NOTED = (): void => {};

const ENDED = "the server ended the connection";
