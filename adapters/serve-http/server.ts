import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { HeadwaterError } from "../../lib/index.ts";
import { BlobTable, pathOf, type ServedBlobs } from "./blob-table.ts";
import { exchange, type HttpService } from "./exchange.ts";
import { Gate, type GateOptions } from "./gate.ts";
import { checkLimits, type HttpLimits } from "./limits.ts";

export interface HttpServerOptions extends GateOptions {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  readonly limits?: HttpLimits;
  /** Closes the server. */
  readonly signal?: AbortSignal;
}

/** What a server has done since it was opened. */
export interface HttpServerStats {
  /** Now. */
  readonly connections: number;
  readonly requests: number;
  /** Of bodies. */
  readonly bytesSent: number;
  /** Answers that could not be given, or not to their end, though the client was there. */
  readonly failures: number;
}

/** Serves clones over HTTP/1.1, in whole and in parts, until it is closed. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #service: HttpService;
  readonly #host: string;
  /** What each connection is at, and how many requests wait there. */
  readonly #turns = new WeakMap<Socket, { last: Promise<void>; waiting: number }>();
  readonly #connections = new Set<Socket>();
  #closing: Promise<void> | undefined;

  private constructor(service: HttpService, host: string) {
    const { maxConnections, requestTimeoutMs, idleTimeoutMs } = service.limits;
    this.#service = service;
    this.#host = host;
    this.#server = createServer(
      {
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: idleTimeoutMs,
        connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
        noDelay: true,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = maxConnections;
    this.#server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    // A connection that could not be accepted, for want of descriptors say, is that client's loss.
    this.#server.on("error", () => {});
  }

  /**
   * Begins to listen. The clones stay the caller's, who closes them after the server.
   *
   * @throws {RangeError} naming the limit that is out of its range.
   * @throws {TypeError} when there is nothing to serve, or something cannot be served as said.
   * @throws {HeadwaterError} `LOCKED` when another server has the port.
   */
  static async open(blobs: ServedBlobs, options: HttpServerOptions = {}): Promise<HttpServer> {
    const { host = "127.0.0.1", port = 0, signal } = options;
    signal?.throwIfAborted();
    const service: HttpService = {
      blobs: new BlobTable(blobs),
      gate: new Gate(options),
      limits: checkLimits(options.limits),
      counters: { requests: 0, bytesSent: 0, failures: 0 },
    };
    const server = new HttpServer(service, host);
    await listen(server.#server, port, host);
    const close = (): void => {
      void server.close();
    };
    if (signal?.aborted) close();
    signal?.addEventListener("abort", close, { once: true });
    server.#server.once("close", () => signal?.removeEventListener("abort", close));
    return server;
  }

  /** Where the server listens; the port is the real one. */
  get address(): { readonly host: string; readonly port: number } {
    const real = this.#server.address() as AddressInfo | null;
    return { host: this.#host, port: real?.port ?? 0 };
  }

  /** Of what is served, or of the first of several. */
  get url(): string {
    const [first = ""] = this.#service.blobs.names();
    return this.urlOf(first);
  }

  urlOf(name: string): string {
    const { host, port } = this.address;
    return `http://${host.includes(":") ? `[${host}]` : host}:${port}${pathOf(name)}`;
  }

  stats(): HttpServerStats {
    return {
      ...this.#service.counters,
      connections: [...this.#connections].filter((socket) => !socket.destroyed).length,
    };
  }

  /**
   * Takes no more connections, and lets what is under way come to its end. After `drainTimeoutMs`
   * it is broken off. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One request of a connection after the other: what is made ahead would only lie there. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const turn = this.#turns.get(socket) ?? { last: Promise.resolve(), waiting: 0 };
    this.#turns.set(socket, turn);
    if (turn.waiting >= this.#service.limits.maxPipelined) {
      socket.destroy();
      return;
    }
    turn.waiting += 1;
    const before = turn.last;
    const ended = new Promise<void>((resolve) => response.once("close", resolve));
    response.on("error", () => {}); // the client is gone, which "close" says too
    turn.last = ended.then(() => {
      turn.waiting -= 1;
    });
    await before;
    if (socket.destroyed) return;
    this.#service.counters.requests += 1;
    if (this.#closing !== undefined) response.setHeader("connection", "close");
    await exchange(request, response, this.#service);
    await ended;
    if (this.#closing !== undefined) socket.destroySoon();
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const breakOff = (): void => this.#server.closeAllConnections();
    const timer = setTimeout(breakOff, this.#service.limits.drainTimeoutMs);
    try {
      await closed;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Serves a clone, or several by name, over HTTP: `serveHttp(clone, { port: 8080 })`. See
 * `HttpServer.open` for what goes wrong.
 */
export function serveHttp(
  blobs: ServedBlobs,
  options: HttpServerOptions = {},
): Promise<HttpServer> {
  return HttpServer.open(blobs, options);
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  try {
    await once(server, "listening");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    const message = `${host}:${port} is in use by another server`;
    throw new HeadwaterError("LOCKED", message, { cause: error });
  }
}
