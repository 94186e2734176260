import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isHeadwaterError } from "../../lib/index.ts";
import { BufferPool } from "./buffers.ts";
import { Connection, type Service } from "./connection.ts";
import { type NbdStats, newCounters } from "./counters.ts";
import { ExportTable, type NbdExports } from "./export-table.ts";
import { checkLimits, type NbdLimits } from "./limits.ts";
import { listen, type NbdAddress } from "./listening.ts";
import { Poller } from "./poller.ts";
import { checkTls, type NbdTls } from "./tls.ts";
import { Turns } from "./turns.ts";

export interface NbdServerOptions extends NbdAddress {
  /** Refuse writes to every export that does not say otherwise. Default false. */
  readonly readOnly?: boolean;
  /** Offer TLS, or insist on it. */
  readonly tls?: NbdTls;
  readonly limits?: NbdLimits;
  /**
   * How long the thread stays awake after an answer, in milliseconds, while requests come close
   * upon each other. 0 saves the processor time and makes a single reader slower. Default 0.05.
   */
  readonly pollMs?: number;
  /** Closes the server. */
  readonly signal?: AbortSignal;
}

/** The events of a server, with what their listeners are given. */
export interface NbdServerEvents {
  /** A client was let in. */
  connection: [];
  /** A client is gone. */
  disconnection: [
    { readonly exportName: string | undefined; readonly problem: string | undefined },
  ];
}

/** What is kept of reply buffers between requests, in bytes. */
const KEEP_BYTES: number = 32 * 2 ** 20;
/** What the socket takes before it says that it is enough, in bytes. */
const HIGH_WATER_MARK: number = 2 ** 18;
const DEFAULT_POLL_MS = 0.05;

/** Serves clones to NBD clients, until it is closed. */
export class NbdServer extends EventEmitter<NbdServerEvents> implements AsyncDisposable {
  readonly #server: Server;
  readonly #service: Service;
  readonly #address: NbdAddress;
  readonly #connections = new Set<Connection>();
  #closing: Promise<void> | undefined;

  private constructor(service: Service, address: NbdAddress) {
    super();
    this.#service = service;
    this.#address = address;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_MARK },
      (socket) => this.#accept(socket),
    );
  }

  /**
   * Begins to listen. The clones stay the caller's: they are flushed when the server is closed, and
   * not closed.
   *
   * @throws {RangeError} naming the limit that is out of its range.
   * @throws {TypeError} when there is nothing to serve, no address, or no usable key.
   * @throws {HeadwaterError} `LOCKED` when another server has the address; `EXISTS` when the path
   *   is not that of a socket.
   */
  static async open(exports: NbdExports, options: NbdServerOptions): Promise<NbdServer> {
    const { readOnly = false, tls, pollMs = DEFAULT_POLL_MS, signal } = options;
    signal?.throwIfAborted();
    if (!(pollMs >= 0)) throw new RangeError(`pollMs is ${pollMs}; it must not be negative`);
    if (tls !== undefined) checkTls(tls);
    const service: Service = {
      exports: new ExportTable(exports, readOnly),
      limits: checkLimits(options.limits),
      tls,
      turns: new Turns(),
      poller: new Poller(pollMs),
      buffers: new BufferPool(KEEP_BYTES),
      counters: newCounters(),
    };
    const server = new NbdServer(service, options);
    await listen(server.#server, options);
    // A connection that could not be accepted, for want of descriptors say, is that client's loss.
    server.#server.on("error", () => {});
    const close = (): void => {
      server.close().catch(() => {}); // whoever awaits `close` is told
    };
    if (signal?.aborted) close();
    signal?.addEventListener("abort", close, { once: true });
    server.#server.once("close", () => signal?.removeEventListener("abort", close));
    return server;
  }

  /** Where the server listens; the port is the real one. */
  get address(): NbdAddress {
    const { unix, host = "127.0.0.1", port = 0 } = this.#address;
    if (unix !== undefined) return { unix };
    const real = this.#server.address() as AddressInfo | null;
    return { host, port: real?.port ?? port };
  }

  /** What clients are given to find the default export, such as `nbd+unix:///?socket=b.sock`. */
  get uri(): string {
    return this.uriOf("");
  }

  /** The same for an export by name. */
  uriOf(exportName: string): string {
    const { unix, host = "", port } = this.address;
    const { tls } = this.#service;
    const scheme = tls === undefined || tls.required === false ? "nbd" : "nbds";
    const name = encodeURIComponent(exportName);
    if (unix !== undefined) {
      return `${scheme}+unix:///${name}?socket=${encodeURIComponent(unix).replaceAll("%2F", "/")}`;
    }
    const shown = host.includes(":") ? `[${host}]` : host;
    return `${scheme}://${shown}:${port}/${name}`;
  }

  stats(): NbdStats {
    return { ...this.#service.counters, connections: this.#connections.size };
  }

  /**
   * Takes no more clients, answers what is in flight, flushes the clones and lets go of the
   * address. What is in flight has `drainTimeoutMs`; after that connections are ended at once. A
   * second call waits for the first.
   *
   * @throws what a flush threw: writes that were not flushed before may be lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: Socket): void {
    const { counters, limits } = this.#service;
    if (this.#closing !== undefined || this.#connections.size >= limits.maxConnections) {
      counters.refused += 1;
      socket.destroy();
      return;
    }
    counters.accepted += 1;
    const connection = new Connection(socket, this.#service);
    this.#connections.add(connection);
    this.emit("connection");
    void connection.ended.then(() => {
      this.#connections.delete(connection);
      const { exportName, problem } = connection;
      this.emit("disconnection", { exportName, problem });
    });
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    const ended = Promise.all([...this.#connections].map((connection) => connection.ended));
    for (const connection of this.#connections) connection.drain();
    const timedOut = new AbortController();
    const timer = { signal: timedOut.signal };
    await Promise.race([
      ended,
      sleep(this.#service.limits.drainTimeoutMs, undefined, timer).catch(() => {}),
    ]);
    timedOut.abort();
    for (const connection of this.#connections) connection.end("it did not end in time");
    const flushed = await Promise.allSettled([...this.#writables()].map((each) => each.flush()));
    await closed;
    for (const result of flushed) {
      // A clone that is closed already was flushed by that.
      if (result.status === "rejected" && !isHeadwaterError(result.reason, "CLOSED")) {
        throw result.reason;
      }
    }
  }

  *#writables(): Generator<{ flush(): Promise<void> }> {
    const seen = new Set<unknown>();
    for (const { device, readOnly } of this.#service.exports.list()) {
      if (readOnly || seen.has(device)) continue;
      seen.add(device);
      yield device;
    }
  }
}

/**
 * Serves a clone, or several by name, to NBD clients: `serveNbd(clone, { unix: "./b.sock" })`.
 * See `NbdServer.open` for what goes wrong.
 */
export function serveNbd(exports: NbdExports, options: NbdServerOptions): Promise<NbdServer> {
  return NbdServer.open(exports, options);
}
