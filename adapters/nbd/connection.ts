import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import { HeadwaterError } from "../../lib/index.ts";
import type { ExportTable } from "./export-table.ts";
import { type Offer, shakeHands } from "./handshake.ts";
import { type NbdTls, secure } from "./tls.ts";
import { type Agreement, type Shared, Transmission } from "./transmission.ts";

/** What a server brings to each of its connections. */
export interface Service extends Shared {
  readonly exports: ExportTable;
  readonly tls: NbdTls | undefined;
}

/** A client that can be reached no more is found out after so long, where TCP can tell. */
const KEEP_ALIVE_MS = 60_000;

/** One client, from its coming to its leaving. */
export class Connection {
  /** Resolves when the client is gone and nothing that it asked for is in flight any more. */
  readonly ended: Promise<void>;
  readonly #service: Service;
  readonly #closed = new AbortController();
  /** Encrypted or not. */
  #socket: Socket;
  #agreement: Agreement | undefined;
  #transmission: Transmission | undefined;
  #problem: string | undefined;

  /** @param socket one that allows half-open connections. */
  constructor(socket: Socket, service: Service) {
    this.#service = service;
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    setMaxListeners(0, this.#closed.signal); // one for each read in flight
    this.#attend(socket);
    this.ended = this.#serve();
  }

  /** The name of the export that the client has chosen; undefined before. */
  get exportName(): string | undefined {
    return this.#agreement?.export.name;
  }

  /** Why we ended it; undefined while we did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Lets what is in flight end, and refuses what comes from now on. */
  drain(): void {
    if (this.#transmission === undefined) this.end("the server is shutting down");
    else this.#transmission.drain();
  }

  /** Ends it at once. */
  end(problem: string): void {
    this.#problem ??= problem;
    this.#socket.destroy();
  }

  #attend(socket: Socket): void {
    socket.on("error", (error) => {
      this.#problem ??= error.message;
    });
    socket.on("close", () => {
      this.#closed.abort(new HeadwaterError("CLOSED", "the client has left"));
    });
  }

  async #serve(): Promise<void> {
    const { limits } = this.#service;
    const timer = setTimeout(
      () => this.end("the client chose no export in time"),
      limits.handshakeTimeoutMs,
    );
    try {
      this.#agreement = await shakeHands(this.#socket, this.#offer(), this.#closed.signal);
    } catch {
      // It left, or its socket failed: that is known already.
    } finally {
      clearTimeout(timer);
    }
    if (this.#agreement === undefined || this.#closed.signal.aborted) {
      await this.#leave();
      return;
    }
    this.#transmission = new Transmission(
      this.#socket,
      this.#service,
      this.#agreement,
      this.#closed.signal,
      (problem) => this.end(problem),
    );
    await this.#transmission.ended;
  }

  /** Sends what was answered. A client that does not take it has as long as one that is silent. */
  async #leave(): Promise<void> {
    if (this.#socket.destroyed) return;
    const gone = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.setTimeout(this.#service.limits.handshakeTimeoutMs, () => this.#socket.destroy());
    this.#socket.destroySoon();
    await gone;
  }

  #offer(): Offer {
    const { exports, limits, tls } = this.#service;
    const kind = tls === undefined ? "none" : tls.required === false ? "possible" : "required";
    return {
      exports,
      limits,
      tls: kind,
      secure: async () => {
        if (tls === undefined) throw new TypeError("there is no key");
        this.#socket = await secure(this.#socket, tls, this.#closed.signal);
        this.#attend(this.#socket);
        return this.#socket;
      },
    };
  }
}
