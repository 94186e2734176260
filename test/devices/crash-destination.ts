import type { DestinationDevice } from "../../lib/index.ts";
import type { Power } from "./power.ts";
import { SectorVersions } from "./sector-versions.ts";

interface Change {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A disk that loses its power: only what was flushed is sure to survive. Of everything else, what
 * was on its way included, each sector of 512 bytes may be kept or lost by itself.
 */
export class CrashDestination implements DestinationDevice {
  readonly size: number;
  readonly #versions: SectorVersions;
  readonly #power: Power;
  readonly #pause: () => Promise<unknown>;
  readonly #onTheirWay = new Set<Change>();

  /** @param content what the disk holds in the beginning, all of it durable. */
  constructor(content: Uint8Array, power: Power, pause: () => Promise<unknown>) {
    this.size = content.length;
    this.#versions = new SectorVersions(content);
    this.#power = power;
    this.#pause = pause;
  }

  /** What a read sees now. */
  get bytes(): Uint8Array {
    return this.#versions.current;
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    await this.#pause();
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    await this.#change(offset, new Uint8Array(Buffer.concat(pieces)));
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#change(offset, new Uint8Array(length));
  }

  async flush(): Promise<void> {
    this.#power.step();
    const mark = this.#versions.mark();
    await this.#pause();
    this.#power.step();
    this.#versions.settle(mark);
  }

  resize(): Promise<void> {
    return Promise.reject(new Error("this disk keeps its size"));
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A part that was never used, or not any more. */
  zero(offset: number, length: number): void {
    this.#versions.zero(offset, length);
  }

  /** What is found when the power is back. */
  survivor(random: (count: number) => number): Uint8Array {
    for (const { offset, bytes } of this.#onTheirWay) this.#versions.write(offset, bytes);
    this.#onTheirWay.clear();
    return this.#versions.survivor(random);
  }

  async #change(offset: number, bytes: Uint8Array): Promise<void> {
    this.#power.step();
    const change = { offset, bytes };
    this.#onTheirWay.add(change);
    await this.#pause();
    this.#power.step(); // without power it stays on its way
    this.#versions.write(offset, bytes);
    this.#onTheirWay.delete(change);
  }
}
