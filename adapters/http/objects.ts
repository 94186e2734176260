import type { Meter, ReadOptions } from "../../lib/index.ts";
import { type GivenAddress, nameOf, parseAddress } from "./address.ts";
import { BodyStream } from "./body-stream.ts";
import { checkPart, checkWhole } from "./check.ts";
import { Connections } from "./connections.ts";
import type { Exchange } from "./exchange.ts";
import { closedFailure, failure } from "./failures.ts";
import { checkOptions, type HttpOptions, type HttpSettings } from "./options.ts";
import { Requester } from "./requester.ts";
import { type Validators, validatorsOf } from "./validators.ts";

/** An object, as it was listed. */
export interface HttpObject {
  /** Its path from the URL on. */
  readonly key: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * Many objects below one URL, read over connections that they share. A query in the URL goes along
 * with every request.
 */
export class HttpObjects implements AsyncDisposable {
  /** The URL without what may be secret, and without a `/` at its end. */
  readonly name: string;
  readonly #root: GivenAddress;
  readonly #settings: HttpSettings;
  readonly #connections: Connections;
  readonly #streams = new Set<BodyStream>();
  readonly #closing = new AbortController();
  /** Of the objects that were read, so that a replaced one is noticed. */
  readonly #versions = new WeakMap<HttpObject, Validators>();
  #ending: Promise<void> | undefined;

  /** @throws {TypeError | RangeError} when the URL or an option makes no sense. */
  constructor(root: string | URL, options: HttpOptions = {}) {
    this.#settings = checkOptions(options);
    this.#root = parseAddress(root, this.#settings.name);
    this.name = nameOf(this.#root).replace(/\/+$/, "");
    this.#connections = new Connections(this.#settings, this.#root.url.origin);
  }

  /**
   * Reads an object whose size is not known, which must not be larger than `limit` bytes. Made for
   * what lists others.
   *
   * @throws {HeadwaterError} `SOURCE_NOT_FOUND`, `SOURCE_FAILED` and the like.
   */
  async readWhole(path: string, limit: number, options: ReadOptions = {}): Promise<Uint8Array> {
    const asked = { name: `${this.name}/${path}`, range: undefined };
    const signal = this.#signal(options.signal);
    const { class: by = "demand", meter = FREE } = options;
    const ask = { range: undefined, asked, class: by, meter, signal, preconditions: {} };
    const { exchange, head } = await this.#requester(path).send(ask);
    try {
      checkWhole(head, asked);
      const pieces: Uint8Array[] = [];
      for (let piece = await exchange.next(); piece !== undefined; piece = await exchange.next()) {
        pieces.push(piece);
        if (exchange.received <= limit) continue;
        throw failure("SOURCE_FAILED", asked, `has more than ${limit} bytes`);
      }
      return Buffer.concat(pieces);
    } catch (error) {
      exchange.drain();
      throw error;
    }
  }

  /**
   * The pieces of a part of an object.
   *
   * @param object what is read of this very one is of one version.
   * @throws {HeadwaterError} `SOURCE_CHANGED` when it has another size, or is not the version that
   *   was read before; others as the HTTP source does.
   */
  stream(
    object: HttpObject,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncIterable<Uint8Array> {
    const { key: path, size } = object;
    const range = { offset, length };
    const name = `${this.name}/${path}`;
    const asked = { name, range };
    const { class: by = "demand", meter = FREE } = options;
    const start = async (signal: AbortSignal): Promise<Exchange> => {
      if (this.#closing.signal.aborted) throw closedFailure(this.name);
      const { exchange, head } = await this.#requester(path).send({
        range: `bytes=${offset}-${offset + length - 1}`,
        ...{ asked, class: by, meter, signal, preconditions: {} },
      });
      try {
        checkPart(head, asked, { size, validators: this.#versions.get(object) ?? UNKNOWN });
      } catch (error) {
        exchange.drain();
        throw error;
      }
      this.#versions.set(object, validatorsOf(head));
      return exchange;
    };
    const ended = (): void => void this.#streams.delete(stream);
    const stream = new BodyStream({ range, name, start, signal: options.signal, ended });
    this.#streams.add(stream);
    return stream;
  }

  /** Takes back pieces of streams, or parts of them: others will arrive in their place. */
  release(pieces: readonly Uint8Array[]): void {
    this.#connections.takeBack(pieces);
  }

  /** Ends every request with `CLOSED`, and every connection. */
  close(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const error = closedFailure(this.name);
    this.#closing.abort(error);
    for (const stream of this.#streams) stream.abort(error);
    await this.#connections.close(error);
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    return signal === undefined ? closing : AbortSignal.any([signal, closing]);
  }

  #requester(path: string): Requester {
    const url = new URL(this.#root.url);
    const parts = path.split("/").map(encodeURIComponent).join("/");
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${parts}`;
    return new Requester({ ...this.#root, url }, this.#settings, this.#connections);
  }
}

const FREE: Meter = { request: () => {}, bytes: () => {} };

const UNKNOWN: Validators = { etag: undefined, lastModified: undefined };
