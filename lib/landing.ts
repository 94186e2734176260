import type { CheckedDestination, CheckedSource } from "./checked-device.ts";
import type { Geometry } from "./geometry.ts";
import type { Ledger } from "./ledger.ts";
import type { PendingBytes } from "./pending-bytes.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RegionMap, Run } from "./region-map.ts";
import { RegionWaiters } from "./region-waiters.ts";

/** Whole regions are written once so many bytes of them have arrived; sooner if somebody waits. */
const LANDING_SIZE: number = 256 * 2 ** 10;
/** More than this is not held back before the destination takes it. */
const MOST_HELD: number = 512 * 2 ** 10;

export interface LandingContext {
  readonly source: CheckedSource;
  readonly destination: CheckedDestination;
  readonly geometry: Geometry;
  readonly map: RegionMap;
  readonly locks: RegionLocks;
  readonly ledger: Ledger;
  /** Nothing may land before this: from then on the destination is known to be ours. */
  ready(): Promise<void>;
}

/** Whose bytes they are. */
export interface LandingOwner {
  /** Whether the region is still theirs to bring. */
  holds(region: number): boolean;
  /** These were written and marked. */
  landed(run: Run): void;
  /** The destination did not take them. */
  failed(error: unknown): void;
}

/**
 * What a fetch has received, on its way to the destination. A region is marked only after its
 * bytes were accepted; a reader can have them from here before that.
 */
export class Landing {
  readonly #context: LandingContext;
  readonly #owner: LandingOwner;
  /** Who waits until a region is in the destination, and who only until its bytes are here. */
  readonly #settled = new RegionWaiters();
  readonly #arrived = new RegionWaiters();
  readonly #pending: PendingBytes;
  /** Whole regions on their way. */
  readonly #underway = new Set<PendingBytes>();
  #heldBytes: number;
  #last: Promise<void> = Promise.resolve();
  #landedCount = 0;

  /** @param begun what is already here of the first region. */
  constructor(context: LandingContext, owner: LandingOwner, begun: PendingBytes) {
    this.#context = context;
    this.#owner = owner;
    this.#pending = begun;
    this.#heldBytes = begun.length;
  }

  /** Where the next byte to arrive belongs. */
  get position(): number {
    return this.#pending.end;
  }

  get landedCount(): number {
    return this.#landedCount;
  }

  get hasWaiters(): boolean {
    return this.#settled.size > 0 || this.#arrived.size > 0;
  }

  /** Resolves when the destination should be given time before more is received. */
  get room(): Promise<void> | undefined {
    return this.#heldBytes >= MOST_HELD ? this.#last : undefined;
  }

  add(piece: Uint8Array): void {
    const { geometry } = this.#context;
    this.#pending.add(piece);
    this.#heldBytes += piece.length;
    const first = geometry.regionAt(this.#pending.start);
    const end = this.#wholeEnd();
    if (first >= end) return;
    this.#arrived.resolve(first, end);
    const isDue = geometry.lengthOf(first, end) >= LANDING_SIZE || this.#settled.some(first, end);
    if (isDue) this.land();
  }

  /** Resolves when the region has landed or is no longer ours. */
  settled(region: number): Promise<void> {
    if (!this.#owner.holds(region)) return Promise.resolve();
    const settled = this.#settled.wait(region);
    if (region < this.#wholeEnd()) this.land();
    return settled;
  }

  /** Resolves when the region's bytes are here, though perhaps not yet in the destination. */
  arrived(region: number): Promise<void> {
    const isOver = region < this.#wholeEnd() || !this.#owner.holds(region);
    return isOver ? Promise.resolve() : this.#arrived.wait(region);
  }

  /** Fills `target`, if all of its bytes are here and nobody has written over them meanwhile. */
  copyTo(offset: number, target: Uint8Array): boolean {
    const { first, end } = this.#context.geometry.runOf(offset, target.length);
    for (let region = first; region < end; region += 1) {
      if (!this.#owner.holds(region)) return false;
    }
    let copied = this.#pending.copyTo(offset, target);
    for (const bytes of this.#underway) copied += bytes.copyTo(offset, target);
    return copied === target.length;
  }

  /** Regions that are no longer ours: nobody waits for them here. */
  drop(first: number, end: number): void {
    this.#settled.resolve(first, end);
    this.#arrived.resolve(first, end);
  }

  /** Regions that are whole are taken to the destination, after those before them. */
  land(): void {
    const { geometry } = this.#context;
    const first = geometry.regionEnd(this.#pending.start);
    const end = this.#wholeEnd();
    if (end <= first) return;
    // Only what opening a source brought can begin in the middle of a region.
    const lead = geometry.offsetOf(first) - this.#pending.start;
    if (lead > 0) {
      this.#pending.take(lead);
      this.#heldBytes -= lead;
      this.#lose(lead);
    }
    const bytes = this.#pending.take(geometry.lengthOf(first, end));
    this.#underway.add(bytes);
    this.#last = this.#last.then(() => this.#landRuns(first, end, bytes));
    this.#last.catch((error) => this.#owner.failed(error));
  }

  /** Lands what is whole. Rejects when the destination did not take it. */
  async finish(): Promise<void> {
    this.land();
    await this.#last;
  }

  /** Ends every wait, and hands over what is here of a region that is not whole. */
  end(error: unknown): PendingBytes {
    for (const waiters of [this.#settled, this.#arrived]) {
      if (error === undefined) waiters.resolveAll();
      else waiters.reject(error);
    }
    return this.#pending;
  }

  /** A write or a discard may have taken some of the regions meanwhile: those are left out. */
  async #landRuns(first: number, end: number, bytes: PendingBytes): Promise<void> {
    const { locks, geometry } = this.#context;
    await this.#context.ready();
    const release = await locks.acquire(first, end);
    try {
      let region = first;
      while (region < end) {
        const isOurs = this.#owner.holds(region);
        let next = region + 1;
        while (next < end && this.#owner.holds(next) === isOurs) next += 1;
        const part = bytes.part(geometry.offsetOf(region), geometry.lengthOf(region, next));
        if (isOurs) await this.#landRun({ first: region, end: next }, part);
        else this.#lose(part.length);
        region = next;
      }
    } finally {
      this.#underway.delete(bytes);
      this.#heldBytes -= bytes.length;
      release();
    }
    // After an error somebody may still be reading them.
    this.#context.source.release(bytes.pieces);
  }

  async #landRun(run: Run, bytes: PendingBytes): Promise<void> {
    const { destination, map, ledger } = this.#context;
    await destination.write(bytes.start, bytes.pieces);
    map.markHydrated(run.first, run.end);
    ledger.landedBytes += bytes.length;
    this.#landedCount += run.end - run.first;
    this.#owner.landed(run);
    this.#settled.resolve(run.first, run.end);
  }

  /** The end of the regions of which every byte has arrived. */
  #wholeEnd(): number {
    const { geometry } = this.#context;
    const { position } = this;
    return position === geometry.size ? geometry.regionCount : geometry.regionAt(position);
  }

  #lose(bytes: number): void {
    this.#context.ledger.abandonedBytes += bytes;
  }
}
