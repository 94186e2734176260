import type { ByteRange, Clone } from "../../lib/index.ts";
import type { PageOwner } from "./page-owner.ts";

/** The pages of a database that is a clone. */
export class CloneOwner implements PageOwner {
  readonly clone: Clone;
  readonly #file: string;

  /** @param file the name that the clone has when it is whole. */
  constructor(clone: Clone, file: string) {
    this.clone = clone;
    this.#file = file;
  }

  get size(): number {
    return this.clone.size;
  }

  get regionSize(): number {
    return this.clone.regionSize;
  }

  get isComplete(): boolean {
    const { size } = this;
    return this.clone.hydratedBytesIn(0, size) === size;
  }

  get paths(): readonly string[] {
    const isWhole = this.clone.status().hydration === "complete";
    return isWhole ? [this.#file] : [`${this.#file}.partial`, this.#file];
  }

  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.clone.read(offset, length, { signal });
  }

  write(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.clone.write(offset, bytes, { signal });
  }

  resize(size: number): Promise<void> {
    return this.clone.resize(size);
  }

  flush(): Promise<void> {
    return this.clone.flush();
  }

  prefetch(ranges: readonly ByteRange[]): void {
    this.clone.prefetch(ranges);
  }

  *local(): Generator<ByteRange, void, undefined> {
    for (const { offset, length, hydrated } of this.clone.hydratedRuns(0, this.size)) {
      if (hydrated) yield { offset, length };
    }
  }

  onLocal(tell: (range: ByteRange) => void): () => void {
    this.clone.on("local", tell);
    return () => this.clone.off("local", tell);
  }
}
