import type {
  DestinationDevice,
  MapSlot,
  MapStore,
  ReadOptions,
  SourceDevice,
} from "../lib/index.ts";
import { HeadwaterError } from "../lib/index.ts";

export interface MemoryDeviceOptions {
  /** Default "memory". */
  identity?: string;
  /**
   * Awaited before every operation takes effect, so that a test can choose their order. With it
   * nothing is read at once.
   */
  pause?: () => Promise<unknown>;
}

/** A device that is an array: a source or a destination, for tests and small things. */
export class MemoryDevice implements SourceDevice, DestinationDevice {
  readonly identity: string;
  readonly #pause: (() => Promise<unknown>) | undefined;
  #bytes: Uint8Array;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  /** @param content the bytes, which from then on are the device's own; or a size, of zeros. */
  constructor(content: Uint8Array | number, options: MemoryDeviceOptions = {}) {
    this.#bytes = typeof content === "number" ? new Uint8Array(content) : content;
    this.identity = options.identity ?? "memory";
    this.#pause = options.pause;
  }

  /** What the device holds now: the array itself, until the next `resize`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const bytes = await this.#operation(() => this.#part(offset, length).slice());
    options.signal?.throwIfAborted();
    return bytes;
  }

  readInto(offset: number, target: Uint8Array): Promise<void> {
    return this.#operation(() => target.set(this.#part(offset, target.length)));
  }

  readIntoSync(offset: number, target: Uint8Array): boolean {
    if (this.#pause !== undefined) return false;
    this.#checkOpen();
    target.set(this.#part(offset, target.length));
    return true;
  }

  write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    return this.#operation(() => {
      let end = offset;
      for (const piece of pieces) {
        this.#part(end, piece.length).set(piece);
        end += piece.length;
      }
    });
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#operation(() => this.#part(offset, length).fill(0));
  }

  flush(): Promise<void> {
    return this.#operation(() => {});
  }

  resize(size: number): Promise<void> {
    return this.#operation(() => {
      const bytes = new Uint8Array(size);
      bytes.set(this.#bytes.subarray(0, size));
      this.#bytes = bytes;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #operation<Result>(run: () => Result): Promise<Result> {
    this.#checkOpen();
    const result = Promise.resolve(this.#pause?.()).then(run);
    this.#underWay.add(result);
    try {
      return await result;
    } finally {
      this.#underWay.delete(result);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new HeadwaterError("CLOSED", "the device is closed");
  }

  #part(offset: number, length: number): Uint8Array {
    const part = this.#bytes.subarray(offset, offset + length);
    if (part.length === length) return part;
    throw new HeadwaterError(
      "SHORT_READ",
      `asked ${length} bytes at ${offset} of ${this.size}, got ${part.length}`,
      { offset, length },
    );
  }
}

/** A map store that lasts as long as the process, or as long as its slots are kept. */
export class MemoryMapStore implements MapStore {
  readonly #slots: [Uint8Array, Uint8Array];

  /** @param slots what a former store held. */
  constructor(slots: readonly [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()]) {
    this.#slots = [slots[0].slice(), slots[1].slice()];
  }

  async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    return [this.#slots[0].slice(), this.#slots[1].slice()];
  }

  async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    this.#slots[slot] = bytes.slice();
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
