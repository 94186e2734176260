import type { Meter, RequestClass } from "../../lib/index.ts";
import { type Address, type GivenAddress, nameOf, redirectOf } from "./address.ts";
import type { Connections } from "./connections.ts";
import { Exchange } from "./exchange.ts";
import { type Asked, failure, isUnreachable } from "./failures.ts";
import { checkHeaders } from "./headers.ts";
import type { HttpSettings } from "./options.ts";
import { explainRefusal, isRefusal } from "./refusal.ts";
import type { ResponseHead } from "./response-head.ts";
import { checkSigned, type HttpSigner, REFUSED } from "./signing.ts";

const MAX_REDIRECTS = 10;

/** Statuses with which a remembered address may say that its time is over. */
const OVER: readonly number[] = [401, 403, 404, 410];

/** One GET, from the first request to the response that is no redirect. */
export interface Ask {
  /** The Range header; undefined asks for everything. */
  readonly range: string | undefined;
  readonly preconditions: Readonly<Record<string, string>>;
  readonly asked: Asked;
  readonly class: RequestClass;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}

/** A response that has begun. */
export interface Reply {
  readonly exchange: Exchange;
  readonly head: ResponseHead;
}

/**
 * Sends GETs to one URL: follows redirects, remembers where they led, goes back to the URL itself
 * when that place stops working, and asks for fresh credentials once after a 401.
 */
export class Requester {
  readonly #settings: HttpSettings;
  readonly #connections: Connections;
  readonly #given: GivenAddress;
  #resolved: Address | undefined;

  constructor(given: GivenAddress, settings: HttpSettings, connections: Connections) {
    this.#given = given;
    this.#settings = settings;
    this.#connections = connections;
  }

  /** The response of any status but a redirect. Whoever gets it sees to its body. */
  async send(ask: Ask): Promise<Reply> {
    const reply = await this.#sendAnywhere(ask);
    const { explain } = this.#settings;
    if (explain === undefined || !isRefusal(reply.head)) return reply;
    throw await explainRefusal(reply.exchange, reply.head, ask.asked, explain);
  }

  async #sendAnywhere(ask: Ask): Promise<Reply> {
    const resolved = this.#resolved;
    if (resolved !== undefined) {
      const reply = await this.#sendToResolved(resolved, ask);
      if (reply !== undefined) return reply;
      // Unless another request has found the new place meanwhile.
      if (this.#resolved === resolved) this.#resolved = undefined;
    }
    const { sign } = this.#settings;
    if (this.#resolved === undefined && sign !== undefined) return this.#sendSigned(sign, ask);
    return this.#sendTo(this.#resolved ?? this.#given, ask);
  }

  /** What is refused is signed once more. */
  async #sendSigned(sign: HttpSigner, ask: Ask): Promise<Reply> {
    const { url } = this.#given;
    const signed = await until(ask.signal, sign({ url, refused: undefined }));
    const address = checkSigned(signed);
    const reply = await this.#sendTo(address, ask);
    if (!REFUSED.includes(reply.head.status)) return reply;
    reply.exchange.drain();
    const again = await until(ask.signal, sign({ url, refused: address.url }));
    return this.#sendTo(checkSigned(again), ask);
  }

  /** Undefined when that address does not work any more. */
  async #sendToResolved(resolved: Address, ask: Ask): Promise<Reply | undefined> {
    try {
      const reply = await this.#sendTo(resolved, ask);
      if (!OVER.includes(reply.head.status)) return reply;
      reply.exchange.drain();
    } catch (error) {
      if (!isUnreachable(error)) throw error;
    }
    return undefined;
  }

  async #sendTo(first: Address, ask: Ask): Promise<Reply> {
    let address = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const reply = await this.#sendAuthorized(address, ask);
      const next = redirectOf(address, reply.head, ask.asked);
      if (next === undefined) {
        const works = !OVER.includes(reply.head.status);
        if (works && address !== first) this.#resolved = address;
        return reply;
      }
      reply.exchange.drain();
      address = next;
    }
    throw failure("SOURCE_FAILED", ask.asked, `redirects more than ${MAX_REDIRECTS} times`);
  }

  /** A 401 is answered once with what the user's function gives then. */
  async #sendAuthorized(address: Address, ask: Ask): Promise<Reply> {
    const reply = await this.#sendOnce(address, ask, false);
    const canRenew = address.trusted && typeof this.#settings.headers === "function";
    if (reply.head.status !== 401 || !canRenew) return reply;
    reply.exchange.drain();
    return this.#sendOnce(address, ask, true);
  }

  async #sendOnce(address: Address, ask: Ask, refused: boolean): Promise<Reply> {
    const { headersTimeoutMs, stallTimeoutMs } = this.#settings;
    const { meter, signal } = ask;
    const usual = address.headers === undefined && address.trusted;
    const credentials = usual ? await this.#credentials(refused, signal) : address.headers;
    signal.throwIfAborted();
    const exchange = new Exchange({
      dispatcher: this.#connections.to(address.url.origin, ask.class),
      url: address.url,
      headers: {
        "user-agent": "headwater",
        ...credentials,
        "accept-encoding": "identity",
        ...(ask.range === undefined ? {} : { range: ask.range }),
        ...ask.preconditions,
      },
      asked: this.#toldFrom(address, ask.asked),
      meter,
      signal,
      headersTimeoutMs,
      stallTimeoutMs,
    });
    return { exchange, head: await exchange.head };
  }

  async #credentials(refused: boolean, signal: AbortSignal): Promise<Record<string, string>> {
    const { headers, sign } = this.#settings;
    if (sign !== undefined) return {}; // all of them come with the URLs that it gives
    const { authorization } = this.#given;
    const own = typeof headers === "function" ? await until(signal, headers({ refused })) : headers;
    return { ...(authorization === undefined ? {} : { authorization }), ...checkHeaders(own) };
  }

  /** Messages name the URL that the user gave, and the server that failed where it is another. */
  #toldFrom(address: Address, asked: Asked): Asked {
    const isSigned = address.headers !== undefined;
    if (isSigned || address.url.origin === this.#given.url.origin) return asked;
    return { ...asked, name: `${nameOf(this.#given)} (redirected to ${address.url.origin})` };
  }
}

/** Waits for somebody else's promise no longer than the signal allows. */
async function until<T>(signal: AbortSignal, promise: T | Promise<T>): Promise<T> {
  if (!(promise instanceof Promise)) return promise;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
