/** More than this is not held back. */
const MOST_HELD: number = 2 ** 20;

/** Writes what lies side by side at once. */
export type WriteRun = (offset: number, bytes: Uint8Array) => void;

/**
 * Pages on their way to the clone, which takes many at once as quickly as one. What is here must be
 * written before anything that relies on it: a sync, the end of a journal, a lock that is given up.
 */
export class WriteBuffer {
  readonly #write: WriteRun;
  /** By offset. SQLite writes whole pages, so that none overlaps another. */
  #pages = new Map<number, Uint8Array>();
  #held = 0;
  #end = 0;

  constructor(write: WriteRun) {
    this.#write = write;
  }

  /** Where the last of it ends; 0 where there is none. */
  get end(): number {
    return this.#end;
  }

  /** @param bytes copied. */
  add(offset: number, bytes: Uint8Array): void {
    if (this.#pages.get(offset)?.length !== bytes.length && this.overlaps(offset, bytes.length)) {
      this.flush();
    }
    if (!this.#pages.has(offset)) this.#held += bytes.length;
    // Not `slice`, which copies nothing of a Buffer: SQLite uses this memory for the next page.
    this.#pages.set(offset, new Uint8Array(bytes));
    this.#end = Math.max(this.#end, offset + bytes.length);
    if (this.#held >= MOST_HELD) this.flush();
  }

  overlaps(offset: number, length: number): boolean {
    if (this.#pages.size === 0 || offset >= this.#end) return false;
    for (const [start, { length: size }] of this.#pages) {
      if (start < offset + length && offset < start + size) return true;
    }
    return false;
  }

  /** What fails is lost here, as it is with a page cache: SQLite rolls back. */
  flush(): void {
    if (this.#pages.size === 0) return;
    const pages = [...this.#pages].sort(([one], [other]) => one - other);
    this.drop();
    for (let first = 0; first < pages.length; ) {
      const run: Uint8Array[] = [];
      const [start] = pages[first] as [number, Uint8Array];
      let end = start;
      while (first < pages.length) {
        const [offset, bytes] = pages[first] as [number, Uint8Array];
        if (offset !== end) break;
        run.push(bytes);
        end += bytes.length;
        first += 1;
      }
      this.#write(start, run.length === 1 ? (run[0] as Uint8Array) : concatenated(run));
    }
  }

  drop(): void {
    this.#pages = new Map();
    this.#held = 0;
    this.#end = 0;
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
