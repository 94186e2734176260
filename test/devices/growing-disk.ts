import type { DestinationDevice } from "../../lib/index.ts";
import { CrashDestination } from "./crash-destination.ts";
import type { Power } from "./power.ts";

/** What is on a disk, of which the first `size` bytes are the file. */
export interface DiskContent {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** A disk that loses its power, with a file that can become longer and shorter on it. */
export class GrowingDisk implements DestinationDevice {
  readonly #disk: CrashDestination;
  readonly #power: Power;
  readonly #pause: () => Promise<unknown>;
  #size: number;
  #durableSize: number;

  constructor(content: DiskContent, power: Power, pause: () => Promise<unknown>) {
    this.#disk = new CrashDestination(content.bytes, power, pause);
    this.#power = power;
    this.#pause = pause;
    this.#size = content.size;
    this.#durableSize = content.size;
  }

  get size(): number {
    return this.#size;
  }

  /** What a read of the whole file sees now. */
  get bytes(): Uint8Array {
    return this.#disk.bytes.subarray(0, this.#size);
  }

  readInto(offset: number, target: Uint8Array): Promise<void> {
    return this.#disk.readInto(offset, target);
  }

  write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    return this.#disk.write(offset, pieces);
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#disk.discard(offset, length);
  }

  async flush(): Promise<void> {
    const size = this.#size;
    await this.#disk.flush();
    this.#durableSize = size;
  }

  async resize(size: number): Promise<void> {
    this.#power.step();
    await this.#pause();
    this.#power.step();
    if (size > this.#size) this.#disk.zero(this.#size, size - this.#size);
    this.#size = size;
  }

  close(): Promise<void> {
    return this.#disk.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is found when the power is back. */
  survivor(random: (count: number) => number): DiskContent {
    const size = random(2) === 0 ? this.#durableSize : this.#size;
    return { bytes: this.#disk.survivor(random), size };
  }
}
