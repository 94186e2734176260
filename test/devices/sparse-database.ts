import * as assert from "uvu/assert";
import type { DestinationDevice } from "../../lib/index.ts";

/** A database of any size that keeps only the blocks with something in them. */
export class SparseDatabase implements DestinationDevice {
  readonly blocks: Map<number, Uint8Array> = new Map();
  readonly #blockSize: number;
  readonly #zeros: Uint8Array;
  size = 0;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
    this.#zeros = new Uint8Array(blockSize);
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    target.set(this.blocks.get(offset / this.#blockSize) ?? new Uint8Array(target.length));
  }

  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    const [bytes = new Uint8Array(), ...more] = pieces;
    assert.is(more.length, 0);
    assert.ok(offset + bytes.length <= this.size, "a write past the end");
    for (let at = 0; at < bytes.length; at += this.#blockSize) {
      const block = bytes.subarray(at, at + this.#blockSize);
      const number = (offset + at) / this.#blockSize;
      if (Buffer.compare(block, this.#zeros) === 0) this.blocks.delete(number);
      else this.blocks.set(number, block.slice());
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    assert.is(length, this.#blockSize);
    this.blocks.delete(offset / this.#blockSize);
  }

  async resize(size: number): Promise<void> {
    this.size = size;
    for (const block of this.blocks.keys()) {
      if (block * this.#blockSize >= size) this.blocks.delete(block);
    }
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The pages with something in them, and the byte that fills each. */
  get filled(): Readonly<Record<number, number>> {
    const entries = [...this.blocks].map(([block, [byte = 0]]) => [block + 1, byte] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => a - b));
  }
}
