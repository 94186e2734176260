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
  #filling: Promise<void> = Promise.resolve();

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

  /** Not while its bytes are on their way: they are the caller's again afterwards. */
  async leave(part: Part): Promise<void> {
    await this.#filling;
    this.#parts.delete(part);
  }

  /** Writes every part. Rejects as `write` does, and then nobody was told. */
  async fill(write: (part: Part) => Promise<void>): Promise<void> {
    const parts = [...this.#parts];
    const filling = (async () => {
      for (const part of parts) await write(part);
    })();
    this.#filling = filling.catch(() => {});
    await filling;
  }

  /** The region is local. */
  tell(): void {
    this.#fill();
  }
}
