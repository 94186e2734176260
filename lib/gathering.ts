/** A part of a region that is to be written. */
export interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * Writes to parts of one region, which wait until it is hydrated. When together they cover it,
 * nothing is needed from its source.
 */
export class Gathering {
  readonly #offset: number;
  readonly #length: number;
  readonly #parts = new Set<Part>();
  /** Resolves when the region was written from all of its parts. */
  readonly filled: Promise<void>;
  #fill = (): void => {};

  /** @param offset of the region. @param length of the region. */
  constructor(offset: number, length: number) {
    this.#offset = offset;
    this.#length = length;
    this.filled = new Promise((resolve) => {
      this.#fill = resolve;
    });
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0;
  }

  /** In the order in which they came. */
  get parts(): Iterable<Part> {
    return this.#parts;
  }

  get isWhole(): boolean {
    const end = this.#offset + this.#length;
    let covered = this.#offset;
    const inOrder = [...this.#parts].sort((one, other) => one.offset - other.offset);
    for (const { offset, bytes } of inOrder) {
      if (offset > covered) return false;
      covered = Math.max(covered, offset + bytes.length);
    }
    return covered >= end;
  }

  join(part: Part): void {
    this.#parts.add(part);
  }

  leave(part: Part): void {
    this.#parts.delete(part);
  }

  fill(): void {
    this.#fill();
  }
}
