import { assert } from "./assert.ts";

/** Bytes that lie one after another in the blob, in the pieces in which they arrived. */
export class PendingBytes {
  #start: number;
  #length = 0;
  #pieces: Uint8Array[] = [];

  constructor(start: number) {
    this.#start = start;
  }

  /** Where they begin in the blob. */
  get start(): number {
    return this.#start;
  }

  /** Where the next byte belongs. */
  get end(): number {
    return this.#start + this.#length;
  }

  get length(): number {
    return this.#length;
  }

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Takes the first `length` bytes out. */
  take(length: number): PendingBytes {
    assert(length <= this.#length, `take ${length} of ${this.#length} bytes`);
    const taken = new PendingBytes(this.#start);
    let used = 0;
    while (taken.#length < length) {
      const piece = this.#pieces[used] as Uint8Array;
      const left = length - taken.#length;
      if (piece.length > left) {
        taken.add(piece.subarray(0, left));
        this.#pieces[used] = piece.subarray(left);
        break;
      }
      taken.add(piece);
      used += 1;
    }
    this.#pieces.splice(0, used);
    this.#start += length;
    this.#length -= length;
    return taken;
  }
}
