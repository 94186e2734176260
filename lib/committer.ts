import type { CheckedDestination } from "./checked-device.ts";
import { HeadwaterError, messageOf } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import { encodeMap } from "./map-format.ts";
import type { MapSlot, MapStore } from "./map-store.ts";
import type { RegionMap } from "./region-map.ts";
import type { StoredState } from "./stored-map.ts";
import type { WrittenRegions } from "./written-regions.ts";

export interface CommitterContext {
  readonly destination: CheckedDestination;
  /** Without one nothing of the map survives. */
  readonly mapStore: MapStore | undefined;
  readonly map: RegionMap;
  readonly writtenRegions: WrittenRegions;
  readonly geometry: Geometry;
  readonly identity: string;
  readonly sourceSize: number;
  /** What the store held at open. */
  readonly stored: StoredState | undefined;
  /** Called when a commit failed, before those who wait for it are told. */
  failed(error: HeadwaterError): void;
}

/**
 * Keeps the stored map behind the destination: a snapshot of the map is taken first, then the
 * destination is flushed, and only then is that snapshot stored. One commit at a time; a flush that
 * arrives during one waits for the next, because the running one may have missed its bytes.
 */
export class Committer {
  readonly #context: CommitterContext;
  #generation: number;
  #storedSize = 0;
  #savedState = "";
  #written: boolean;
  /** Whether what is written is ahead of what is stored, or was when a clone ended too early. */
  #unsettled: boolean;
  readonly #wasUnsettled: boolean;
  #fingerprint: string;
  #advancing: boolean;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #noted: Promise<void> | undefined;
  #beginning: Promise<void> | undefined;
  /** Why no commit can be trusted any more: what a failed flush lost does not come back. */
  #broken: HeadwaterError | undefined;

  constructor(context: CommitterContext) {
    this.#context = context;
    const { stored } = context;
    this.#generation = stored?.generation ?? 0;
    this.#written = stored?.written ?? false;
    this.#wasUnsettled = stored?.unsettled ?? false;
    this.#unsettled = this.#wasUnsettled;
    this.#fingerprint = stored?.fingerprint ?? "";
    this.#advancing = stored?.advancing ?? false;
    if (stored !== undefined) this.#savedState = this.#state();
  }

  /** What the next save would store, of the generation of the last. */
  get state(): StoredState {
    return {
      generation: this.#generation,
      written: this.#written,
      unsettled: this.#unsettled,
      advancing: this.#advancing,
      complete: this.isFinished,
      fingerprint: this.#fingerprint,
      former: this.#context.stored?.former ?? "",
    };
  }

  /** Whether a user ever wrote or discarded. */
  get written(): boolean {
    return this.#written;
  }

  /** Whether the record of written regions has every region that a user ever wrote. */
  get isRecordExact(): boolean {
    return !this.#wasUnsettled;
  }

  /** Whether the whole was flushed and given its fingerprint. */
  get isFinished(): boolean {
    return this.#fingerprint !== "";
  }

  /** Whether the map says more than what is stored of it. */
  get isDirty(): boolean {
    return this.#state() !== this.#savedState;
  }

  /** Of the stored map, in bytes; 0 before the first save of this clone. */
  get storedSize(): number {
    return this.#storedSize;
  }

  /** Everything that was written before the call survives a crash once this resolves. */
  flush(): Promise<void> {
    // The next one may be about to begin, with the running one over: it is one all the same.
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    this.#next = this.#running
      .catch(() => {}) // its own callers are told
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  /**
   * Resolves when a map is stored that says whose destination this is. Where there was no space for
   * the first one, each call tries again.
   */
  begun(): Promise<void> {
    if (this.#generation > 0) return Promise.resolve();
    this.#beginning ??= this.flush().catch((error: HeadwaterError) => {
      if (error.code === "DESTINATION_FULL") this.#beginning = undefined;
      throw error;
    });
    return this.#beginning;
  }

  /** Stores that a user writes, before the first of it is written. */
  async noteWritten(): Promise<void> {
    if (this.#noted === undefined) {
      const before = this.#written;
      this.#written = true;
      this.#unsettled = true;
      this.#noted = this.flush().catch((error) => {
        this.#noted = undefined;
        this.#written = before;
        this.#unsettled = this.#wasUnsettled;
        throw error;
      });
    }
    await this.#noted;
  }

  /** The last commit: nobody writes any more. */
  async settle(): Promise<void> {
    this.#unsettled = this.#wasUnsettled;
    await this.flush();
  }

  /** Resolves when no commit is under way, or about to begin. */
  async idle(): Promise<void> {
    for (let last = this.#next ?? this.#running; last !== undefined; ) {
      await last.catch(() => {});
      last = this.#next ?? this.#running;
    }
  }

  /** Makes room for maps of so many bytes, while none is being stored. */
  async enlarge(slotSize: number): Promise<void> {
    const { mapStore } = this.#context;
    if (mapStore?.reserve === undefined) return;
    await this.idle();
    const enlarged = mapStore.reserve(slotSize);
    const running = enlarged.finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running; // a flush waits for it
    await running;
  }

  /** Stores the map in every slot, whether or not it says anything new: no other one is left. */
  async replaceAll(): Promise<void> {
    for (let slot = 0; slot < 2; slot += 1) {
      this.#savedState = "";
      await this.flush();
    }
  }

  /** The destination is as the map of the new version says. */
  advanced(): void {
    this.#advancing = false;
  }

  /** Stores that the destination is whole, and how to recognise it. */
  async finish(): Promise<void> {
    await this.flush();
    this.#fingerprint = (await this.#context.destination.device.fingerprint?.()) ?? "whole";
    await this.flush();
  }

  #start(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const running = this.#commit()
      .catch((error: HeadwaterError) => {
        if (error.code !== "DESTINATION_FULL") this.#broken = error;
        this.#context.failed(error);
        throw error;
      })
      .finally(() => {
        this.#running = undefined;
      });
    this.#running = running;
    return running;
  }

  async #commit(): Promise<void> {
    const { destination, mapStore, map, geometry, identity, sourceSize } = this.#context;
    const { writtenRegions } = this.#context;
    const state = this.#state();
    const generation = this.#generation + 1;
    const snapshot =
      state === this.#savedState
        ? undefined
        : {
            ...this.state,
            generation,
            size: geometry.size,
            sourceSize,
            regionSize: geometry.regionSize,
            identity,
            hydrated: map.snapshot(),
            writtenRegions: writtenRegions.snapshot(),
          };
    await destination.flush();
    if (snapshot === undefined) return;
    // A save that fails may have torn its slot; the next one takes the same slot again.
    const bytes = await encodeMap(snapshot);
    await this.#save(mapStore, (generation % 2) as MapSlot, bytes);
    this.#storedSize = bytes.length;
    this.#generation = generation;
    this.#savedState = state;
  }

  async #save(store: MapStore | undefined, slot: MapSlot, bytes: Uint8Array): Promise<void> {
    try {
      await store?.save(slot, bytes);
    } catch (error) {
      if (error instanceof HeadwaterError) throw error;
      const message = `the region map could not be stored: ${messageOf(error)}`;
      throw new HeadwaterError("DESTINATION_FAILED", message, { cause: error });
    }
  }

  #state(): string {
    const { map, writtenRegions } = this.#context;
    const flags = `${this.#written} ${this.#unsettled} ${this.#advancing} ${this.#fingerprint}`;
    return `${map.version} ${writtenRegions.version} ${flags}`;
  }
}
