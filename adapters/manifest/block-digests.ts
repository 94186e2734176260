import { createHash, type Hash } from "node:crypto";
import type { Geometry } from "../../lib/index.ts";
import { hashingTurns } from "./hashing-turns.ts";

/** Hashed at a stretch, in bytes. */
const SLICE_SIZE: number = 256 * 2 ** 10;

/** A block of which the last byte has come. */
export interface DigestedBlock {
  readonly block: number;
  readonly digest: Buffer;
  /** Its bytes, in the pieces in which they came. */
  readonly pieces: readonly Uint8Array[];
}

/** Cuts what comes, in order, into blocks, and gives each its digest. */
export class BlockDigests {
  readonly #blocks: Geometry;
  #block: number;
  #position: number;
  #hash: Hash = createHash("sha256");
  #pieces: Uint8Array[] = [];

  /** @param first the block that the first byte to come begins. */
  constructor(blocks: Geometry, first: number) {
    this.#blocks = blocks;
    this.#block = first;
    this.#position = blocks.offsetOf(first);
  }

  /** Where the next byte to come belongs. */
  get position(): number {
    return this.#position;
  }

  /** Hashes a piece, in slices, and yields the blocks that it ends. */
  async *add(piece: Uint8Array): AsyncGenerator<DigestedBlock, void, undefined> {
    let at = 0;
    while (at < piece.length) {
      const blockEnd = this.#blocks.offsetOf(this.#block + 1);
      const length = Math.min(piece.length - at, blockEnd - this.#position);
      await this.#take(piece.subarray(at, at + length));
      at += length;
      if (this.#position === blockEnd) yield this.#end();
    }
  }

  async #take(part: Uint8Array): Promise<void> {
    this.#pieces.push(part);
    this.#position += part.length;
    for (let at = 0; at < part.length; at += SLICE_SIZE) {
      const slice = part.subarray(at, at + SLICE_SIZE);
      this.#hash.update(slice);
      const turn = hashingTurns.spend(slice.length);
      if (turn !== undefined) await turn;
    }
  }

  #end(): DigestedBlock {
    const ended = { block: this.#block, digest: this.#hash.digest(), pieces: this.#pieces };
    this.#block += 1;
    this.#hash = createHash("sha256");
    this.#pieces = [];
    return ended;
  }
}
