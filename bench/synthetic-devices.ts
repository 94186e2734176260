import type { DestinationDevice, SourceDevice } from "../adapters/hydrate.ts";
import { KIB } from "./report.ts";

const BLOCK_SIZE = 64 * KIB;

/** The word at a multiple of 4: its own place, mixed, so that no two places look alike. */
function wordAt(offset: number): number {
  const index = offset / 4;
  return (Math.imul(index >>> 0, 0x9e3779b1) ^ Math.floor(index / 2 ** 32)) >>> 0;
}

/** What a synthetic source holds there. Both numbers are multiples of 4. */
export function syntheticBytes(offset: number, length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  for (let word = 0; word < words.length; word++) words[word] = wordAt(offset + word * 4);
  return new Uint8Array(words.buffer);
}

/** A source of any size that computes its bytes. */
export class SyntheticSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity = true;

  constructor(size: number) {
    this.size = size;
    this.identity = `synthetic-${size}`;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(syntheticBytes(offset, length));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A destination of any size that holds, in memory, only the blocks that were written to. */
export class SparseMemory implements DestinationDevice {
  readonly size: number;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(size: number) {
    this.size = size;
  }

  readInto(offset: number, target: Uint8Array): Promise<void> {
    this.#each(offset, target.length, (index, start, at, length) => {
      const block = this.#blocks.get(index);
      if (block === undefined) target.fill(0, at, at + length);
      else target.set(block.subarray(start, start + length), at);
    });
    return Promise.resolve();
  }

  write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    let to = offset;
    for (const piece of pieces) {
      this.#each(to, piece.length, (index, start, at, length) => {
        const block = this.#blocks.get(index) ?? new Uint8Array(BLOCK_SIZE);
        block.set(piece.subarray(at, at + length), start);
        this.#blocks.set(index, block);
      });
      to += piece.length;
    }
    return Promise.resolve();
  }

  discard(offset: number, length: number): Promise<void> {
    return this.write(offset, [new Uint8Array(length)]);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  resize(): Promise<void> {
    return Promise.reject(new Error("this device keeps its size"));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Calls back for each block of a range: its index, where in both, and how much. */
  #each(
    offset: number,
    length: number,
    visit: (index: number, start: number, at: number, length: number) => void,
  ): void {
    for (let at = 0; at < length; ) {
      const index = Math.floor((offset + at) / BLOCK_SIZE);
      const start = (offset + at) % BLOCK_SIZE;
      const part = Math.min(length - at, BLOCK_SIZE - start);
      visit(index, start, at, part);
      at += part;
    }
  }
}
