import { closeSync } from "node:fs";
import { HeadwaterError } from "../../../lib/errors.ts";
import { readFully } from "./plain-file.ts";

/** Who reads pages in the order of the file gets so many bytes at once. */
const BLOCK_SIZE: number = 64 * 2 ** 10;
/** A page that follows so closely on the one before is read in the order of the file. */
const MOST_SKIPPED: number = 16 * 2 ** 10;

/**
 * Reads what is local of a database from its file. A scan costs less by the block than by the page,
 * so that one is kept. Whoever uses it says when somebody may have written.
 */
export class LocalReader {
  readonly #fd: number;
  readonly #block = new Uint8Array(BLOCK_SIZE);
  #blockOffset = 0;
  #blockLength = 0;
  /** Where the read before this one ended. */
  #end = -1;

  /** @param fd which it closes. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param available how many bytes from the offset on can be read, at least `length`.
   * @throws {HeadwaterError} `SHORT_READ` where the file has not as many.
   */
  read(memory: Uint8Array, at: number, length: number, offset: number, available: number): void {
    const from = offset - this.#blockOffset;
    const skipped = offset - this.#end;
    this.#end = offset + length;
    if (from >= 0 && from + length <= this.#blockLength) {
      memory.set(this.#block.subarray(from, from + length), at);
    } else if (skipped >= 0 && skipped <= MOST_SKIPPED && available > length) {
      this.#blockOffset = offset;
      this.#blockLength = 0; // what it has is gone, also if this fails
      const wanted = Math.min(BLOCK_SIZE, available);
      this.#blockLength = readFully(this.#fd, this.#block, 0, wanted, offset);
      this.#check(Math.min(this.#blockLength, length), length, offset);
      memory.set(this.#block.subarray(0, length), at);
    } else {
      this.#check(readFully(this.#fd, memory, at, length, offset), length, offset);
    }
  }

  /** Somebody may have written to the file. */
  forget(): void {
    this.#blockLength = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #check(count: number, length: number, offset: number): void {
    if (count === length) return;
    const message = `the local file ends ${length - count} bytes before ${offset + length}`;
    throw new HeadwaterError("SHORT_READ", message, { offset, length });
  }
}
