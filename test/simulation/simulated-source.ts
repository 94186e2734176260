import {
  type ByteRange,
  HeadwaterError,
  type ReadOptions,
  type SourceDevice,
} from "../../lib/index.ts";
import type { Random } from "./random.ts";
import { delayOf, type Scene, type Temper } from "./scene.ts";

export interface SourceTemper extends Temper {
  /** How large a piece is at most, in bytes. */
  readonly pieceSize: number;
  readonly streams: boolean;
  readonly identity: string;
  /** What opening it asked for, in bytes. */
  readonly openedLength: number;
  /** What it knows to be zeros. */
  readonly zeros: readonly ByteRange[];
  /** A byte that can never be read, if any. */
  readonly badByte: number;
}

type Fault =
  | "fails" // at once, and may be asked again
  | "refuses" // for good, until it is asked by somebody
  | "throws" // something that is no error of ours
  | "breaks" // in the middle
  | "ends early" // without saying so
  | "sends too much"
  | "stalls"; // sends nothing more

const FAULTS: Readonly<Record<Fault, number>> = {
  ...{ fails: 6, refuses: 1, throws: 2, breaks: 6, "ends early": 3, "sends too much": 1 },
  stalls: 2,
};

/** A remote blob behind a slow line that fails. Counts every byte that it hands out. */
export class SimulatedSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  /** How often each byte was handed out. */
  readonly served: Uint8Array;
  servedBytes = 0;
  /** Calls that have not ended. */
  underWay = 0;
  isClosed = false;
  /** Why it must not be used now, if so. */
  forbidden: string | undefined;
  /** Told when a call for nobody begins. */
  onBackground = (): void => {};
  faults: number;
  declare opened?: ByteRange;
  declare stream?: NonNullable<SourceDevice["stream"]>;
  readonly #bytes: Uint8Array;
  readonly #temper: SourceTemper;
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #closing = new AbortController();

  constructor(bytes: Uint8Array, temper: SourceTemper, scene: Scene, random: Random) {
    this.#bytes = bytes;
    this.#temper = temper;
    this.#scene = scene;
    this.#random = random;
    this.size = bytes.length;
    this.identity = temper.identity;
    this.served = new Uint8Array(bytes.length);
    this.faults = temper.faults;
    if (temper.openedLength > 0) this.opened = { offset: 0, length: temper.openedLength };
    if (temper.streams) this.stream = (...call) => this.#stream(...call);
  }

  async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const whole = new Uint8Array(length);
    let at = 0;
    for await (const piece of this.#stream(offset, length, options)) {
      whole.set(piece.subarray(0, length - at), at);
      at += piece.length;
    }
    return at === length ? whole : whole.slice(0, at);
  }

  /** Whoever gave back memory and looks at it again sees something else. */
  release(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) piece.fill(0xdd);
  }

  async *zeros(
    offset: number,
    length: number,
    { signal }: ReadOptions = {},
  ): AsyncGenerator<ByteRange> {
    const end = offset + length;
    for (const range of this.#temper.zeros) {
      await this.#pause(signal);
      if (this.#random.chance(this.faults)) throw new Error("nobody knows where zeros are");
      if (offset <= range.offset && range.offset + range.length <= end) yield range;
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#closing.abort(new HeadwaterError("CLOSED", "the source is closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { timeline, log, report } = this.#scene;
    const { signal, meter } = options;
    if (this.isClosed) report("the source is read after it was closed");
    if (this.forbidden !== undefined) report(`the source is read ${this.forbidden}`);
    log.note(timeline.now(), `source: ${options.class} call for %+%`, offset, length);
    this.underWay += 1;
    meter?.request();
    if (options.class === "background") this.onBackground();
    try {
      let fault = this.#random.chance(this.faults) ? this.#random.weighted(FAULTS) : undefined;
      let before = fault === undefined ? length : this.#goodBytes(fault, length);
      const bad = this.#temper.badByte - offset;
      if (0 <= bad && bad < before) {
        fault = "breaks";
        before = bad;
      }
      for (let at = offset; at < offset + before; ) {
        await this.#pause(signal);
        const most = this.#random.between(1, this.#temper.pieceSize);
        const next = Math.min(offset + before, at + most);
        const piece = this.#bytes.slice(at, next);
        for (let byte = at; byte < next; byte += 1)
          this.served[byte] = (this.served[byte] ?? 0) + 1;
        this.servedBytes += piece.length;
        meter?.bytes(piece.length);
        log.note(timeline.now(), "source: %+% arrive", at, piece.length);
        at = next;
        yield piece;
      }
      if (fault !== undefined) yield* this.#fail(fault, offset + before, options);
    } finally {
      this.underWay -= 1;
    }
  }

  #goodBytes(fault: Fault, length: number): number {
    if (fault === "sends too much") return length;
    if (fault === "fails" || fault === "refuses" || fault === "throws") return 0;
    return this.#random.below(length);
  }

  async *#fail(
    fault: Fault,
    at: number,
    { signal, meter }: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { timeline, log } = this.#scene;
    await this.#pause(signal);
    log.note(timeline.now(), `source: ${fault} at %`, at);
    const message = `the source ${fault} at ${at}`;
    if (fault === "ends early") return;
    if (fault === "throws") throw new TypeError(message);
    if (fault === "sends too much") {
      meter?.bytes(100);
      this.servedBytes += 100;
      yield new Uint8Array(100);
    } else if (fault === "stalls") await this.#sleep(2 ** 40, signal);
    else throw new HeadwaterError("SOURCE_FAILED", message, { retryable: fault !== "refuses" });
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    await this.#sleep(delayOf(this.#temper, this.#random), signal);
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { signal: closing } = this.#closing;
    const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    await this.#scene.timeline.sleep(ms, ended);
  }
}
