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

  /** Copies what it holds of the bytes at `offset` to their places in `target`. */
  copyTo(offset: number, target: Uint8Array): number {
    let at = this.#start;
    let copied = 0;
    for (const piece of this.#pieces) {
      const first = Math.max(at, offset);
      const end = Math.min(at + piece.length, offset + target.length);
      if (first < end) {
        target.set(piece.subarray(first - at, end - at), first - offset);
        copied += end - first;
      }
      at += piece.length;
    }
    return copied;
  }

  /** The `length` bytes at `offset`, which are here, without taking them out. */
  part(offset: number, length: number): PendingBytes {
    if (offset === this.#start && length === this.#length) return this;
    const part = new PendingBytes(offset);
    let at = this.#start;
    for (const piece of this.#pieces) {
      const first = Math.max(at, offset);
      const end = Math.min(at + piece.length, offset + length);
      if (first < end) part.add(piece.subarray(first - at, end - at));
      at += piece.length;
    }
    assert(part.length === length, `${length} bytes at ${offset} are not all here`);
    return part;
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
