import { assert } from "./assert.ts";

/** How far a block has been used. */
interface Use {
  readonly block: Uint8Array;
  handedOut: number;
  returned: number;
  /** Whether nothing more of it is handed out. */
  isOver: boolean;
}

/**
 * Memory that is handed out in pieces and used again once every byte of a block was given back.
 * Left to itself V8 lets up to 64 MiB of buffers pile up that nobody needs any more.
 *
 * A block of which something is kept is left to the garbage collector.
 */
export class ReusedMemory {
  readonly #blockSize: number;
  readonly #mostSpare: number;
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();
  readonly #spare: Uint8Array[] = [];

  /**
   * @param blockSize in bytes.
   * @param mostSpare blocks kept for later, at most.
   */
  constructor(blockSize: number, mostSpare: number) {
    this.#blockSize = blockSize;
    this.#mostSpare = mostSpare;
  }

  /** A block of which nobody needs anything any more, with whatever was in it. */
  take(): Uint8Array {
    const block = this.#spare.pop() ?? new Uint8Array(this.#blockSize);
    this.#uses.set(block.buffer, { block, handedOut: 0, returned: 0, isOver: false });
    return block;
  }

  /**
   * Notes that so many bytes more of a block are handed out.
   *
   * @param part the block, or a part of it.
   * @param isLast whether nothing more of it will be.
   */
  handOut(part: Uint8Array, length: number, isLast: boolean): void {
    const use = this.#uses.get(part.buffer);
    assert(use !== undefined, "a part of foreign memory is handed out");
    use.handedOut += length;
    use.isOver = isLast;
  }

  /** Takes back what was handed out, or parts of it, each once. Foreign memory is ignored. */
  takeBack(pieces: readonly Uint8Array[]): void {
    for (const { buffer, length } of pieces) {
      const use = this.#uses.get(buffer);
      if (use === undefined) continue;
      use.returned += length;
      assert(use.returned <= use.handedOut, "bytes were given back twice");
      const isFree = use.isOver && use.returned === use.handedOut && length > 0;
      if (isFree && this.#spare.length < this.#mostSpare) this.#spare.push(use.block);
    }
  }
}
