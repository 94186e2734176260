import type { ByteRange, Meter } from "../../lib/index.ts";
import { type Request, WrongAnswer } from "./client-request.ts";
import { COMMAND } from "./protocol.ts";

/** Neighbouring bytes with the same flags. */
export interface Extent {
  readonly length: number;
  /** `ALLOCATION`. */
  readonly flags: number;
}

/** Asks what is known of a range without its bytes. */
export class StatusRequest implements Request {
  readonly command: number = COMMAND.blockStatus;
  readonly offset: number;
  readonly length: number;
  readonly meter: Meter;
  /**
   * The extents from where it was sent to begin, which may be before `offset`; they may end before
   * the end of the range, or after it.
   */
  readonly extents: Promise<{ readonly offset: number; readonly extents: readonly Extent[] }>;
  #resolve: (found: { offset: number; extents: readonly Extent[] }) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #sentOffset: number;
  #found: Extent[] = [];
  #refusal: Error | undefined;
  #isOver = false;

  constructor({ offset, length }: ByteRange, meter: Meter) {
    this.offset = offset;
    this.length = length;
    this.meter = meter;
    this.#sentOffset = offset;
    this.extents = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.extents.catch(() => {}); // it may fail before somebody waits for it
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  sent(offset: number): void {
    this.#sentOffset = offset;
  }

  data(): void {
    throw new WrongAnswer("data where a block status was asked");
  }

  hole(): void {
    throw new WrongAnswer("a hole where a block status was asked");
  }

  status(payload: Buffer): void {
    this.meter.bytes(payload.length);
    // The number of the context stands first, and only one was asked for.
    for (let at = 4; at + 8 <= payload.length; at += 8) {
      const length = payload.readUInt32BE(at);
      if (length === 0) throw new WrongAnswer("an extent of no bytes");
      this.#found.push({ length, flags: payload.readUInt32BE(at + 4) });
    }
  }

  refuse(error: Error): void {
    this.#refusal ??= error;
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#refusal !== undefined) {
      this.fail(this.#refusal);
      return;
    }
    if (this.#found.length === 0) throw new WrongAnswer("a block status without extents");
    this.#isOver = true;
    this.#resolve({ offset: this.#sentOffset, extents: this.#found });
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#found = [];
    this.#reject(error);
  }
}
