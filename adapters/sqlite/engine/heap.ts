import { memoryOf, type Sqlite, type WasmMemory } from "./raw.ts";

/** Tells SQLite that it is to copy what it is given (sqlite.org/c3ref/c_static.html). */
export const TRANSIENT = -1;
/** Text and blobs up to this size are passed through memory that is used again. */
const SCRATCH_SIZE: number = 64 * 2 ** 10;

const encoder = new TextEncoder();

/** The module's memory. It grows, and each growth replaces what one had of it. */
export class Heap {
  readonly #memory: WasmMemory;
  readonly #sqlite: Sqlite;
  #bytes: Buffer;
  readonly #scratch: number;

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
    this.#memory = memoryOf(sqlite);
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#scratch = sqlite.wasm.alloc(SCRATCH_SIZE);
  }

  /** All of it, until the next call of SQLite that may take more. */
  get bytes(): Buffer {
    if (this.#bytes.buffer !== this.#memory.buffer) this.#bytes = Buffer.from(this.#memory.buffer);
    return this.#bytes;
  }

  /** The UTF-8 at a place, `length` bytes of it. */
  text(pointer: number, length: number): string {
    return this.bytes.toString("utf8", pointer, pointer + length);
  }

  /** The text that ends with a zero; empty for the null pointer. */
  zeroEnded(pointer: number): string {
    if (pointer === 0) return "";
    const { bytes } = this;
    return bytes.toString("utf8", pointer, bytes.indexOf(0, pointer));
  }

  uint32(pointer: number): number {
    return this.bytes.readUInt32LE(pointer);
  }

  /** Copies bytes in, and has them used before anything else is copied in. */
  withBytes<Result>(bytes: Uint8Array, use: (pointer: number) => Result): Result {
    if (bytes.length <= SCRATCH_SIZE) {
      this.bytes.set(bytes, this.#scratch);
      return use(this.#scratch);
    }
    const pointer = this.#sqlite.wasm.alloc(bytes.length);
    try {
      this.bytes.set(bytes, pointer);
      return use(pointer);
    } finally {
      this.#sqlite.wasm.dealloc(pointer);
    }
  }

  /** The same with text in UTF-8, and how many bytes it is. */
  withText<Result>(text: string, use: (pointer: number, length: number) => Result): Result {
    // A code unit is three bytes at most.
    if (text.length * 3 <= SCRATCH_SIZE) {
      const length = this.bytes.write(text, this.#scratch, SCRATCH_SIZE, "utf8");
      return use(this.#scratch, length);
    }
    const bytes = encoder.encode(text);
    return this.withBytes(bytes, (pointer) => use(pointer, bytes.length));
  }

  /** Memory that the caller frees, for text that ends with a zero. */
  allocateText(text: string): number {
    return this.#sqlite.wasm.allocCString(text, false);
  }

  allocate(size: number): number {
    return this.#sqlite.wasm.alloc(size);
  }

  free(pointer: number): void {
    this.#sqlite.wasm.dealloc(pointer);
  }
}
