import { HeadwaterError, type RequestClass } from "../../lib/index.ts";
import { Connection } from "./client-connection.ts";
import { closedFailure, failure } from "./client-failures.ts";
import type { Agreement } from "./client-handshake.ts";
import type { Request } from "./client-request.ts";
import { TRANSMISSION_FLAG } from "./protocol.ts";
import { DEFAULT_CONNECTIONS, type NbdSettings } from "./source-options.ts";
import type { NbdUri } from "./uri.ts";

/**
 * Background bytes asked for over one connection at once. A reader who has to share it waits for
 * no more than these.
 */
const BACKGROUND_IN_FLIGHT: number = 2 * 2 ** 20;

/** A server that refused one connection more is not asked again for so long. */
const REFUSED_MS = 30_000;

/** A connection and whom it serves. */
interface Line {
  readonly by: RequestClass;
  readonly connection: Connection;
}

/**
 * The connections of one source: those for demand reads and those for background reads apart, so
 * that a reader never waits behind megabytes that nobody waits for. Where the server lets a client
 * have only one, all share it. They are opened as they are needed, and again when they broke.
 */
export class Connections {
  readonly #uri: NbdUri;
  readonly #settings: NbdSettings;
  readonly #abort = new AbortController();
  readonly #queues: Readonly<Record<RequestClass, Request[]>> = { demand: [], background: [] };
  readonly #lines = new Set<Line>();
  /** At most one of a class at a time. */
  readonly #opening = new Map<RequestClass, Promise<void>>();
  #size: number | undefined;
  /** What the newest connection agreed upon. */
  #agreement: Agreement | undefined;
  #refusedUntil = 0;
  #closing: Promise<void> | undefined;

  /** @param size that the export must have; undefined where the first connection tells. */
  constructor(uri: NbdUri, settings: NbdSettings, size: number | undefined) {
    this.#uri = uri;
    this.#settings = settings;
    this.#size = size;
  }

  /** What the server agreed to; before the first connection it is made for this. */
  async agreement(by: RequestClass, signal: AbortSignal | undefined): Promise<Agreement> {
    while (this.#agreement === undefined) {
      const [opening] = this.#opening.values();
      await orAborted(opening ?? this.#open(by), signal);
    }
    return this.#agreement;
  }

  /** Sends it as soon as a connection has room for it. */
  send(request: Request, by: RequestClass): void {
    this.#queues[by].push(request);
    this.#pump();
  }

  /** Ends every request with `CLOSED`, and every connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const error = closedFailure(this.#uri.name);
    this.#abort.abort(error);
    this.#refuse(error);
    const connections = [...this.#lines].map(({ connection }) => connection.close(error));
    await Promise.allSettled([...connections, ...this.#opening.values()]);
  }

  #pump(): void {
    for (const by of ["demand", "background"] as const) {
      const queue = this.#queues[by];
      while (true) {
        while (queue[0]?.isOver) queue.shift();
        const [request] = queue;
        if (request === undefined) break;
        const connection = this.#choose(by, request.length);
        if (connection === undefined) break;
        queue.shift();
        connection.send(request);
      }
    }
  }

  /** The connection with the least to do, if it has room. Sees to it that there are enough. */
  #choose(by: RequestClass, length: number): Connection | undefined {
    const mayAddMore = this.#limits !== undefined && performance.now() >= this.#refusedUntil;
    const all = [...this.#lines];
    const usable = mayAddMore ? all.filter((line) => line.by === by) : all;
    let best: Connection | undefined;
    for (const { connection } of usable) {
      if (best === undefined || connection.load < best.load) best = connection;
    }
    const isBusy = best === undefined || best.load > 0;
    const limit = mayAddMore ? (this.#limits?.[by] ?? 1) : 1;
    const isOpening = mayAddMore ? this.#opening.has(by) : this.#opening.size > 0;
    if (isBusy && usable.length < limit && !isOpening) {
      this.#open(by).catch(() => {}); // told to those who wait
    }
    const hasRoom = by === "demand" || (best?.load ?? 0) + length <= BACKGROUND_IN_FLIGHT;
    return hasRoom || best?.load === 0 ? best : undefined;
  }

  /** Connections at most; undefined where the server lets a client have one only. */
  get #limits(): Readonly<Record<RequestClass, number>> | undefined {
    if (this.#agreement === undefined) return undefined;
    const several = (this.#agreement.flags & TRANSMISSION_FLAG.canMultiConn) !== 0;
    return this.#settings.connections ?? (several ? DEFAULT_CONNECTIONS : undefined);
  }

  /** Rejects when there is no connection after it. */
  #open(by: RequestClass): Promise<void> {
    const opening = this.#openOne(by);
    this.#opening.set(by, opening);
    return opening;
  }

  async #openOne(by: RequestClass): Promise<void> {
    const { tls, connectTimeoutMs, stallTimeoutMs } = this.#settings;
    const { signal } = this.#abort;
    const options = { tls, connectTimeoutMs, stallTimeoutMs, signal };
    let line: Line | undefined;
    try {
      const connection = await Connection.open(this.#uri, options, {
        answered: () => this.#pump(),
        lost: () => {
          if (line !== undefined) this.#lines.delete(line);
          this.#pump();
        },
      });
      this.#checkSize(connection);
      line = { by, connection };
      this.#lines.add(line);
      this.#agreement = connection.agreement;
      this.#opening.delete(by);
    } catch (error) {
      this.#opening.delete(by);
      const isChanged = error instanceof HeadwaterError && error.code === "SOURCE_CHANGED";
      if (this.#lines.size === 0 || isChanged) {
        this.#refuse(error);
        throw error;
      }
      this.#refusedUntil = performance.now() + REFUSED_MS;
    }
    this.#pump();
  }

  #checkSize(connection: Connection): void {
    const { size } = connection.agreement;
    this.#size ??= size;
    if (size === this.#size) return;
    const message = `has ${size} bytes now, and had ${this.#size} when it was opened`;
    const error = failure("SOURCE_CHANGED", this.#uri.name, message);
    void connection.close(error);
    throw error;
  }

  /** Fails what waits for a connection. */
  #refuse(error: unknown): void {
    for (const queue of Object.values(this.#queues)) {
      for (const request of queue.splice(0)) request.fail(error);
    }
  }
}

/** Stops waiting when the signal is aborted, with its reason. */
function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal?.removeEventListener("abort", onAbort));
  });
}
