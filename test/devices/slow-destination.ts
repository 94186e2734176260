import { MemoryDevice } from "../../adapters/memory.ts";
import { assert } from "../../lib/index.ts";

/** What a new destination holds: neither zeros nor anything that a source serves. */
export const GARBAGE = 0xa6;

/**
 * A destination whose every operation ends when a test says so, and that was used before: what was
 * never written reads as garbage. Stops us when two changes of one byte are made together.
 */
export class SlowDestination extends MemoryDevice {
  readonly #changing = new Set<{ offset: number; end: number }>();
  readonly #readsAtOnce: boolean;

  constructor(size: number, pause: () => Promise<unknown>, readsAtOnce = true) {
    super(new Uint8Array(size).fill(GARBAGE), { pause });
    this.#readsAtOnce = readsAtOnce;
  }

  override readIntoSync(offset: number, target: Uint8Array): boolean {
    if (!this.#readsAtOnce) return false;
    target.set(this.bytes.subarray(offset, offset + target.length));
    return true;
  }

  override write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    return this.#alone(offset, length, () => super.write(offset, pieces));
  }

  override discard(offset: number, length: number): Promise<void> {
    return this.#alone(offset, length, () => super.discard(offset, length));
  }

  async #alone(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    const mine = { offset, end: offset + length };
    for (const other of this.#changing) {
      const apart = mine.end <= other.offset || other.end <= mine.offset;
      assert(apart, `${length} bytes at ${offset} are changed twice at the same time`);
    }
    this.#changing.add(mine);
    try {
      await change();
    } finally {
      this.#changing.delete(mine);
    }
  }
}
