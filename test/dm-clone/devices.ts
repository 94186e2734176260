import { MemoryDevice, MemoryMapStore } from "../../adapters/memory.ts";
import { HeadwaterError, type MapSlot, type ReadOptions } from "../../lib/index.ts";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { fill } from "./content.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** A block device that is slow, or bad in one place: a read that touches it gives nothing. */
export class TraceSource extends MemoryDevice {
  delayMs = 0;
  /** In bytes. */
  bad: { offset: number; end: number } | undefined;
  calls = 0;
  failures = 0;
  sectorsRead = 0;
  /** Called when a read begins. */
  asked: () => void = () => {};
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, sectors: number) {
    super(fill("S", 0, sectors), { identity: "source" });
    this.#clock = clock;
  }

  override async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    this.calls += 1;
    this.asked();
    await this.#clock.sleep(this.delayMs, options.signal);
    if (this.bad !== undefined && offset < this.bad.end && this.bad.offset < offset + length) {
      this.failures += 1;
      throw new HeadwaterError("SOURCE_FAILED", "a bad block", { offset, retryable: true });
    }
    this.sectorsRead += length / SECTOR_SIZE;
    return super.read(offset, length, options);
  }
}

/** A destination that was used before, and counts what it is asked for. */
export class TraceDestination extends MemoryDevice {
  readDelayMs = 0;
  sectorsRead = 0;
  sectorsWritten = 0;
  sectorsDiscarded = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, content: Uint8Array) {
    super(content);
    this.#clock = clock;
  }

  override async readInto(offset: number, target: Uint8Array): Promise<void> {
    await this.#clock.sleep(this.readDelayMs);
    this.sectorsRead += target.length / SECTOR_SIZE;
    await super.readInto(offset, target);
  }

  override readIntoSync(offset: number, target: Uint8Array): boolean {
    if (this.readDelayMs > 0) return false;
    this.sectorsRead += target.length / SECTOR_SIZE;
    return super.readIntoSync(offset, target);
  }

  override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) this.sectorsWritten += piece.length / SECTOR_SIZE;
    await super.write(offset, pieces);
  }

  override async discard(offset: number, length: number): Promise<void> {
    this.sectorsDiscarded += length / SECTOR_SIZE;
    await super.discard(offset, length);
  }
}

/** What a map store refuses, and how. */
export interface StoreFault {
  readonly error: HeadwaterError;
  readonly loads: boolean;
}

export class TraceMapStore extends MemoryMapStore {
  fault: StoreFault | undefined;
  saves = 0;

  override async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    if (this.fault?.loads) throw this.fault.error;
    return super.load();
  }

  override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    if (this.fault !== undefined) throw this.fault.error;
    await super.save(slot, bytes);
    this.saves += 1;
  }

  /** What is on the disk, whatever can be read of it now. */
  slots(): Promise<readonly [Uint8Array, Uint8Array]> {
    return super.load();
  }
}

export const BROKEN: HeadwaterError = new HeadwaterError(
  "DESTINATION_FAILED",
  "the disk is broken",
);
export const FULL: HeadwaterError = new HeadwaterError("DESTINATION_FULL", "the disk is full");
