import type { BufferPool } from "./buffers.ts";
import { COMMAND, REQUEST_SIZE } from "./protocol.ts";
import { parseRequest, type Request } from "./request.ts";

/** A request with everything that its client sent of it. */
export interface Whole {
  readonly request: Request;
  /** Of a write, unless it was skipped. */
  readonly payload: Uint8Array | undefined;
  /** To be given back to the pool when nobody needs the payload any more. */
  readonly lent: Buffer | undefined;
}

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Takes what a client sends apart. Payloads are not copied where they came in one piece. What does
 * not begin like a request, and a write that is longer than allowed, is the end: nobody knows where
 * the next request begins.
 */
export class Incoming {
  readonly #buffers: BufferPool;
  readonly #maxPayload: number;
  /** Whether the payload of this write is of use. */
  readonly #isWanted: (request: Request) => boolean;
  #piece: Buffer = EMPTY;
  #at = 0;
  /** The beginning of a request, whose rest comes with the next piece. */
  readonly #header: Buffer = Buffer.alloc(REQUEST_SIZE);
  #headerLength = 0;
  /** A write whose payload is on its way. */
  #write: Request | undefined;
  #received = 0;
  #lent: Buffer | undefined;
  #problem: string | undefined;

  constructor(buffers: BufferPool, maxPayload: number, isWanted: (request: Request) => boolean) {
    this.#buffers = buffers;
    this.#maxPayload = maxPayload;
    this.#isWanted = isWanted;
  }

  /** Whether everything that was added is used up. */
  get isEmpty(): boolean {
    return this.#at === this.#piece.length;
  }

  /** Whether a request has come in part. */
  get isInside(): boolean {
    return this.#headerLength > 0 || this.#write !== undefined;
  }

  /** What is wrong with what came; undefined while nothing is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The next bytes, which from now on are ours. */
  add(piece: Buffer): void {
    this.#piece = this.isEmpty ? piece : Buffer.concat([this.#piece.subarray(this.#at), piece]);
    this.#at = 0;
  }

  /** Forgets what was added and not used. */
  clear(): void {
    this.#piece = EMPTY;
    this.#at = 0;
    this.#headerLength = 0;
    this.#write = undefined;
    this.#lent = undefined;
  }

  /** The next request, once all of it is here. */
  next(): Whole | undefined {
    if (this.#write !== undefined) return this.#collect(this.#write);
    const request = this.#nextHeader();
    if (request === undefined) return undefined;
    if (request.type !== COMMAND.write) return { request, payload: undefined, lent: undefined };
    const { length } = request;
    if (length > this.#maxPayload) {
      this.#problem = `a write of ${length} bytes; ${this.#maxPayload} are allowed`;
      return undefined;
    }
    if (this.#piece.length - this.#at >= length) {
      const payload = this.#piece.subarray(this.#at, this.#at + length);
      this.#at += length;
      return { request, payload, lent: undefined };
    }
    this.#write = request;
    this.#received = 0;
    this.#lent = this.#isWanted(request) ? this.#buffers.take(length) : undefined;
    return this.#collect(request);
  }

  #nextHeader(): Request | undefined {
    const here = this.#piece.length - this.#at;
    let request: Request | undefined;
    if (this.#headerLength === 0 && here >= REQUEST_SIZE) {
      request = parseRequest(this.#piece, this.#at);
      this.#at += REQUEST_SIZE;
    } else {
      const count = Math.min(REQUEST_SIZE - this.#headerLength, here);
      this.#piece.copy(this.#header, this.#headerLength, this.#at, this.#at + count);
      this.#at += count;
      this.#headerLength += count;
      if (this.#headerLength < REQUEST_SIZE) return undefined;
      this.#headerLength = 0;
      request = parseRequest(this.#header, 0);
    }
    if (request === undefined) this.#problem = "what came is not a request";
    return request;
  }

  #collect(request: Request): Whole | undefined {
    const count = Math.min(request.length - this.#received, this.#piece.length - this.#at);
    const lent = this.#lent;
    if (lent !== undefined) this.#piece.copy(lent, this.#received, this.#at, this.#at + count);
    this.#at += count;
    this.#received += count;
    if (this.#received < request.length) return undefined;
    this.#write = undefined;
    this.#lent = undefined;
    return { request, payload: lent?.subarray(0, request.length), lent };
  }
}
