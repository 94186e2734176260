/** Bytes that arrive in pieces of any size, looked at as one, as many at a time as are needed. */
export class ByteFeed {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #bytes: Uint8Array = new Uint8Array();
  #offset = 0;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  /** What has arrived and was not taken yet. The next `fill` or `take` changes it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where `bytes` begin in the whole. */
  get offset(): number {
    return this.#offset;
  }

  /** Waits until there are `count` bytes, or fewer because the whole ends there. */
  async fill(count: number): Promise<void> {
    if (this.#ended || this.#bytes.length >= count) return;
    const pieces = this.#bytes.length === 0 ? [] : [this.#bytes];
    let length = this.#bytes.length;
    while (length < count) {
      const next = await this.#pieces.next();
      if (next.done) {
        this.#ended = true;
        break;
      }
      if (next.value.length === 0) continue;
      pieces.push(next.value);
      length += next.value.length;
    }
    this.#bytes = joined(pieces, length);
  }

  /** Goes on behind the next `count` bytes, which have arrived. */
  take(count: number): void {
    this.#bytes = this.#bytes.subarray(count);
    this.#offset += count;
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#pieces.return?.();
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && first.length === length) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
