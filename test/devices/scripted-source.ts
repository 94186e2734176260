import { assert, HeadwaterError, type ReadOptions, type SourceDevice } from "../../lib/index.ts";

/** What goes wrong with one call. */
export type Fault =
  | { readonly kind: "fails"; readonly retryable: boolean }
  | { readonly kind: "breaks"; readonly after: number }
  | { readonly kind: "ends early"; readonly after: number }
  | { readonly kind: "stalls"; readonly after: number };

export interface SourceScript {
  /** Awaited before every piece, so that a test chooses the order in which they arrive. */
  readonly pause?: () => Promise<unknown>;
  /** The lengths of the pieces, in turn. Default: everything in one. */
  readonly pieces?: readonly number[];
  /** What goes wrong with the call of this number, from 0. */
  readonly fault?: (call: number, offset: number) => Fault | undefined;
  readonly identity?: string;
}

/**
 * A source that counts every byte it hands out, and fails as it is told. What is given back to it
 * is scribbled over at once, so that nobody uses it any more unnoticed.
 */
export class ScriptedSource implements SourceDevice {
  readonly identity: string;
  /** How often each byte was handed out. */
  readonly served: Uint8Array;
  calls = 0;
  isClosed = false;
  readonly #bytes: Uint8Array;
  readonly #script: SourceScript;
  /** The pieces that were handed out, and how much of each was given back. */
  readonly #returned = new WeakMap<ArrayBufferLike, number>();

  constructor(bytes: Uint8Array, script: SourceScript = {}) {
    this.#bytes = bytes;
    this.#script = script;
    this.served = new Uint8Array(bytes.length);
    this.identity = script.identity ?? "scripted";
  }

  get size(): number {
    return this.#bytes.length;
  }

  get servedBytes(): number {
    return this.served.reduce((sum, count) => sum + count, 0);
  }

  async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const whole = new Uint8Array(length);
    let at = 0;
    for await (const piece of this.stream(offset, length, options)) {
      whole.set(piece, at);
      at += piece.length;
    }
    return at === length ? whole : whole.slice(0, at);
  }

  release(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      const returned = this.#returned.get(piece.buffer);
      if (returned === undefined) continue; // of the source before this one
      assert(returned + piece.length <= piece.buffer.byteLength, "given back twice");
      this.#returned.set(piece.buffer, returned + piece.length);
      piece.fill(0xee);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *stream(
    offset: number,
    length: number,
    { signal, meter }: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { pause, pieces = [length], fault } = this.#script;
    if (this.isClosed) throw new HeadwaterError("CLOSED", "the source is closed");
    const wrong = fault?.(this.calls, offset);
    const end = offset + (wrong !== undefined && "after" in wrong ? wrong.after : length);
    this.calls += 1;
    meter?.request();
    if (wrong?.kind === "fails") throw failure(offset, wrong.retryable);

    let at = offset;
    for (let index = 0; at < Math.min(end, offset + length); index += 1) {
      const size = Math.max(1, pieces[index % pieces.length] ?? 1);
      const next = Math.min(at + size, end, offset + length);
      await pause?.();
      signal?.throwIfAborted();
      const piece = this.#bytes.slice(at, next);
      this.#returned.set(piece.buffer, 0);
      for (let byte = at; byte < next; byte += 1) this.served[byte] = (this.served[byte] ?? 0) + 1;
      meter?.bytes(piece.length);
      at = next;
      yield piece;
    }
    if (wrong?.kind === "breaks") throw failure(at, true);
    if (wrong?.kind === "stalls") await aborted(signal);
  }
}

/** The same source, which can only be asked for a whole range at once. */
export function withoutStream(source: ScriptedSource): SourceDevice {
  const { size, identity } = source;
  return {
    size,
    identity,
    read: (offset, length, options) => source.read(offset, length, options),
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  };
}

function failure(offset: number, retryable: boolean): HeadwaterError {
  return new HeadwaterError("SOURCE_FAILED", `the script fails at ${offset}`, { retryable });
}

/** Never resolves. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
