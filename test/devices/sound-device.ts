import { MemoryDevice } from "../../adapters/memory.ts";
import type { ReadOptions } from "../../lib/index.ts";

/** A memory device that waits a turn in every call and streams, so that a subclass can break it. */
export class SoundDevice extends MemoryDevice {
  protected readonly underWay: Set<Promise<unknown>> = new Set();

  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < offset + length; at += 1000) {
      await new Promise(setImmediate);
      yield await this.read(at, Math.min(1000, offset + length - at), options);
    }
  }

  override write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    const writing = super.write(offset, pieces);
    this.underWay.add(writing.catch(() => {}));
    return writing;
  }

  override async close(): Promise<void> {
    await Promise.all(this.underWay);
    await super.close();
  }
}
