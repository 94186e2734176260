import { type ByteRange, HeadwaterError, type Meter } from "../../lib/index.ts";
import { type Request, WrongAnswer } from "./client-request.ts";
import { COMMAND } from "./protocol.ts";

interface Waiter {
  resolve(piece: Uint8Array | undefined): void;
  reject(error: unknown): void;
}

/**
 * One read of the protocol. The server may answer in parts, in any order; they are handed on in
 * order, without what was read only to keep to the server's blocks.
 */
export class ReadRequest implements Request {
  readonly command: number = COMMAND.read;
  readonly offset: number;
  readonly length: number;
  readonly meter: Meter;
  /** For messages. */
  readonly #name: string;
  #sent: ByteRange;
  /** What came and cannot be handed on yet, by its offset. */
  readonly #parts = new Map<number, Uint8Array>();
  #received = 0;
  /** Before here everything was handed on. */
  #position: number;
  readonly #queue: Uint8Array[] = [];
  #waiter: Waiter | undefined;
  #refusal: Error | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(name: string, { offset, length }: ByteRange, meter: Meter) {
    this.#name = name;
    this.offset = offset;
    this.length = length;
    this.meter = meter;
    this.#sent = { offset, length };
    this.#position = offset;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** The next piece, undefined after the last. Rejects when the answer breaks off. */
  next(): Promise<Uint8Array | undefined> {
    const piece = this.#queue.shift();
    if (piece !== undefined) return Promise.resolve(piece);
    if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
    if (this.#end !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  sent(offset: number, length: number): void {
    this.#sent = { offset, length };
    this.#position = offset;
  }

  data(offset: number, bytes: Uint8Array, final: boolean): void {
    this.meter.bytes(bytes.length);
    this.#take(offset, bytes.length);
    if (this.#end !== undefined) return;
    this.#parts.set(offset, bytes);
    if (final && this.#refusal === undefined) this.#handOn();
  }

  hole(offset: number, length: number): void {
    this.#take(offset, length);
    if (this.#end === undefined) this.#parts.set(offset, new Uint8Array(length));
  }

  status(): void {
    throw new WrongAnswer("a block status where data was asked");
  }

  refuse(error: Error): void {
    this.#refusal ??= error;
  }

  end(): void {
    if (this.#end !== undefined) return;
    if (this.#refusal !== undefined) {
      this.fail(this.#refusal);
      return;
    }
    this.#handOn();
    const { offset, length } = this.#sent;
    if (this.#position === offset + length) this.#finish({ error: undefined });
    else this.fail(this.#shortRead());
  }

  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** Parts that overlap are found by their sum: it is too large, or leaves a gap. */
  #take(offset: number, length: number): void {
    const sent = this.#sent;
    this.#received += length;
    const isInside = offset >= sent.offset && offset + length <= sent.offset + sent.length;
    if (isInside && this.#received <= sent.length) return;
    const asked = `${sent.length} bytes at ${sent.offset} were asked`;
    throw new WrongAnswer(`${length} bytes at ${offset} where ${asked}`);
  }

  #handOn(): void {
    while (true) {
      const part = this.#parts.get(this.#position);
      if (part === undefined) return;
      this.#parts.delete(this.#position);
      const before = Math.max(0, this.offset - this.#position);
      const after = Math.max(0, this.#position + part.length - (this.offset + this.length));
      this.#position += part.length;
      const piece = part.subarray(before, Math.max(before, part.length - after));
      if (piece.length > 0) this.#deliver(piece);
    }
  }

  #deliver(piece: Uint8Array): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#queue.push(piece);
    else waiter.resolve(piece);
  }

  #finish(end: { readonly error: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#parts.clear();
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (end.error === undefined) waiter?.resolve(undefined);
    else waiter?.reject(end.error);
  }

  #shortRead(): HeadwaterError {
    const { offset, length } = this.#sent;
    const message = `${this.#name}: asked ${length} bytes at ${offset}, got ${this.#received}`;
    return new HeadwaterError("SHORT_READ", message, { offset, length, retryable: true });
  }
}
