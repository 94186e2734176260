import { MemoryDevice } from "../../adapters/memory.ts";
import type { ReadOptions } from "../../lib/index.ts";
import type { Random } from "../simulation/random.ts";

/** A source that can be told to fail, to wait and to count. */
export class TroubledSource extends MemoryDevice {
  /** Awaited before each read. What it throws, the read throws. */
  trouble: (offset: number, signal: AbortSignal | undefined) => Promise<unknown> = async () => {};
  reads = 0;

  /** @param bytes copied. */
  constructor(bytes: Uint8Array, identity = "troubled") {
    super(new Uint8Array(bytes), { identity });
  }

  override async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    this.reads += 1;
    await this.trouble(offset, options?.signal);
    return super.read(offset, length, options);
  }
}

/** Lets what waits go on one by one, in an order that chance has chosen. */
export class Shuffle {
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  readonly wait = (): Promise<void> =>
    new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#letOne);
    });

  readonly #letOne = (): void => {
    const [chosen] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1);
    chosen?.();
    if (this.#waiting.length > 0) setImmediate(this.#letOne);
  };
}

/** Keeps what comes waiting, until it lets go. */
export class Held {
  #go = (): void => {};
  readonly #gone: Promise<void> = new Promise((resolve) => {
    this.#go = resolve;
  });
  #reach = (): void => {};
  /** Resolves when something waits. */
  readonly reached: Promise<void> = new Promise((resolve) => {
    this.#reach = resolve;
  });

  readonly wait = (): Promise<void> => {
    this.#reach();
    return this.#gone;
  };

  letGo(): void {
    this.#go();
  }
}
