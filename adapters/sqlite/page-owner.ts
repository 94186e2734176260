import type { ByteRange } from "../../lib/index.ts";

/**
 * Who has the pages of a database, and takes its changes: a clone, or a file that is whole. Sizes
 * and offsets in bytes.
 */
export interface PageOwner {
  readonly size: number;
  readonly regionSize: number;
  readonly isComplete: boolean;
  /** Where the pages that are local lie, the first of these that exists. */
  readonly paths: readonly string[];
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  resize(size: number): Promise<void>;
  flush(): Promise<void>;
  /** Has parts fetched that will soon be read, in this order. Nobody waits for them. */
  prefetch(ranges: readonly ByteRange[]): void;
  /** What is local now. */
  local(): Iterable<ByteRange>;
  /** Calls back for whatever becomes local. Returns what ends that. */
  onLocal(tell: (range: ByteRange) => void): () => void;
}
