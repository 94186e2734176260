import type { Meter, RequestClass } from "../../lib/index.ts";
import { RangeRequest } from "./ltx-source-request.ts";
import { type Sweep, Sweeping } from "./ltx-source-sweep.ts";
import { type Extents, GAP_SIZE } from "./replica-extents.ts";
import type { ObjectSource } from "./store.ts";

/** Requests in the background at once, at most. */
const MOST_ACTIVE = 12;
/** In a sweep, what is left of a file is fetched at once and waits here, if it is no more. */
const SMALL_FILE: number = 2 ** 20;
/** More than this is not fetched before somebody asks for it. */
const HELD_SIZE: number = 16 * 2 ** 20;
/** Somebody who waits takes part in a background request that is so near. */
const NEAR_SIZE: number = 256 * 2 ** 10;

/** On whose behalf something is fetched. */
export interface Caller {
  readonly class: RequestClass;
  readonly meter: Meter;
}

/**
 * Brings the extents of a replica's files. Neighbours are fetched together; a read in the
 * background also brings what the following ones will want, so that each file is read in few large
 * requests, whatever pieces the hydrator asks for. Memory held is bounded.
 */
export class FrameRequests {
  readonly #store: ObjectSource;
  readonly #files: readonly Extents[];
  /** Who brings an extent, or holds it, for each file. */
  readonly #owners: readonly Map<number, RangeRequest>[];
  /** Which extents were handed out: they are not fetched again unless asked for. */
  readonly #taken: readonly Uint8Array[];
  /** Those with something to come or to take; the least recently used first. */
  readonly #requests = new Set<RangeRequest>();
  readonly #sweeping = new Sweeping();

  constructor(store: ObjectSource, files: readonly Extents[]) {
    this.#store = store;
    this.#files = files;
    this.#owners = files.map(() => new Map());
    this.#taken = files.map(({ count }) => new Uint8Array(count));
  }

  /**
   * Begins to fetch what is missing of pages `first` to before `end`, and returns what brings them:
   * to be given to `leave` when they were taken, or are not wanted any more.
   *
   * @param bytes how large these pages are.
   */
  prepare(first: number, end: number, bytes: number, caller: Caller): ReadonlySet<RangeRequest> {
    const isBackground = caller.class === "background";
    this.#hasRoomFor(0); // what others have left behind must not add up
    const sweep = isBackground ? this.#sweeping.add(first, end, bytes) : undefined;
    const used = new Set<RangeRequest>();
    for (const [file, extents] of this.#files.entries()) {
      const from = extents.firstFrom(first);
      const to = extents.firstFrom(end);
      if (from === to || extents.file.body !== undefined) continue;
      if (sweep !== undefined) this.#prepareSweep(file, from, to, sweep, caller);
      else
        for (const begun of this.#begin(file, this.#missing(file, from, to, true), caller))
          begun.start();
      for (let extent = from; extent < to; extent += 1) {
        const request = this.#ownersOf(file).get(extent);
        if (request !== undefined) used.add(request);
      }
    }
    for (const request of used) request.users += 1;
    this.#pump();
    return used;
  }

  /** The bytes of an extent, if they are here. */
  takeNow(file: number, extent: number): Uint8Array | undefined {
    const { body } = this.#extents(file).file;
    if (body !== undefined) {
      const { offset, length } = this.#extents(file).rangeOf(extent);
      return body.subarray(offset, offset + length);
    }
    const request = this.#ownersOf(file).get(extent);
    const bytes = request?.takeNow(extent);
    if (request !== undefined && bytes !== undefined) this.#took(file, extent, request);
    return bytes;
  }

  /**
   * The same as soon as they are here. Undefined where nobody brings them: `prepare` was not called,
   * or what it began had to make way. Rejects as the store does.
   */
  async take(file: number, extent: number): Promise<Uint8Array | undefined> {
    const here = this.takeNow(file, extent);
    if (here !== undefined) return here;
    const request = this.#ownersOf(file).get(extent);
    if (request === undefined) return undefined;
    if (request.isPending) this.#makeWay();
    try {
      const bytes = await request.take(extent);
      this.#took(file, extent, request);
      return bytes;
    } catch (error) {
      if (error === ABANDONED) return undefined;
      throw error;
    }
  }

  /** @param isDone whether all that was wanted of them was taken. */
  leave(requests: ReadonlySet<RangeRequest>, isDone: boolean): void {
    for (const request of requests) {
      request.users -= 1;
      const isOver = !request.isPending && !request.isActive;
      if (!isDone && !isOver && request.users === 0 && request.isIdle) this.#abandon(request);
    }
  }

  /** Ends every request with this error. */
  close(error: unknown): void {
    for (const request of [...this.#requests]) request.fail(error);
    this.#requests.clear();
  }

  #prepareSweep(
    file: number,
    from: number,
    to: number,
    { ahead, swept }: Sweep,
    caller: Caller,
  ): void {
    const extents = this.#extents(file);
    const needed = this.#missing(file, from, to, false);
    if (needed.length === 0) return;
    let limit = to;
    let start = from;
    if (extents.length <= Math.min(SMALL_FILE, swept) && this.#hasRoomFor(extents.length)) {
      start = 0;
      limit = extents.count;
    } else {
      let bytes = 0;
      while (limit < extents.count && bytes < ahead) {
        bytes += extents.rangeOf(limit).length;
        limit += 1;
      }
    }
    const before = this.#missing(file, start, from, false, true);
    const after = this.#missing(file, to, limit, false, true);
    this.#begin(file, [...before, ...needed, ...after], caller);
  }

  /** The extents that nobody brings. */
  #missing(file: number, from: number, to: number, isDemand: boolean, isExtra = false): number[] {
    const owners = this.#ownersOf(file);
    const taken = this.#taken[file] as Uint8Array;
    const missing: number[] = [];
    for (let extent = from; extent < to; extent += 1) {
      if (isExtra && taken[extent] === 1) continue;
      const owner = owners.get(extent);
      const isFar =
        owner !== undefined &&
        isDemand &&
        owner.class === "background" &&
        (owner.isPending || owner.bytesUntil(extent) > NEAR_SIZE);
      if (owner === undefined || isFar) missing.push(extent);
    }
    return missing;
  }

  /** Makes a request for each run of these extents. */
  #begin(file: number, missing: readonly number[], caller: Caller): readonly RangeRequest[] {
    const extents = this.#extents(file);
    const requests: RangeRequest[] = [];
    let first = 0;
    for (let next = 1; next <= missing.length; next += 1) {
      const before = extents.rangeOf(missing[next - 1] as number);
      const gap =
        next < missing.length
          ? extents.rangeOf(missing[next] as number).offset - before.offset - before.length
          : Number.POSITIVE_INFINITY;
      if (gap <= GAP_SIZE) continue;
      requests.push(this.#request(file, missing.slice(first, next), caller));
      first = next;
    }
    return requests;
  }

  #request(file: number, wanted: readonly number[], caller: Caller): RangeRequest {
    const owners = this.#ownersOf(file);
    const request: RangeRequest = new RangeRequest({
      ...caller,
      file,
      store: this.#store,
      extents: this.#extents(file),
      first: wanted[0] as number,
      end: (wanted.at(-1) as number) + 1,
      isWanted: (extent) => owners.get(extent) === request,
      ended: () => {
        this.#release(request);
        this.#pump();
      },
    });
    for (const extent of wanted) owners.set(extent, request);
    this.#requests.add(request);
    return request;
  }

  /** Starts what waits, as far as there is room, in the order in which it was asked for. */
  #pump(): void {
    let active = 0;
    for (const request of this.#requests) {
      if (request.isActive && request.class === "background") active += 1;
    }
    for (const request of [...this.#requests]) {
      if (active >= MOST_ACTIVE) return;
      if (!request.isPending) continue;
      request.start();
      active += 1;
    }
  }

  /**
   * Somebody waits for a request that has not started: of those that nobody waits for one makes
   * way, rather one that nobody will use soon.
   */
  #makeWay(): void {
    const active = [...this.#requests].filter(
      (request) => request.isActive && request.class === "background",
    );
    if (active.length < MOST_ACTIVE) return;
    const idle =
      active.find((request) => request.isIdle && request.users === 0) ??
      active.find((request) => request.isFull);
    if (idle !== undefined) this.#abandon(idle);
  }

  /** Makes room among what is held and was not wanted for longest. */
  #hasRoomFor(bytes: number): boolean {
    let held = 0;
    for (const request of this.#requests) held += request.heldBytes;
    for (const request of [...this.#requests]) {
      if (held + bytes <= HELD_SIZE) return true;
      if (request.isActive || request.isPending) continue;
      held -= request.heldBytes;
      request.drop();
      this.#release(request);
    }
    return held + bytes <= HELD_SIZE;
  }

  #took(file: number, extent: number, request: RangeRequest): void {
    (this.#taken[file] as Uint8Array)[extent] = 1;
    const owners = this.#ownersOf(file);
    if (owners.get(extent) === request) owners.delete(extent);
    this.#requests.delete(request);
    if (request.isActive || request.heldBytes > 0) this.#requests.add(request);
  }

  #abandon(request: RangeRequest): void {
    request.fail(ABANDONED);
    this.#release(request);
  }

  /** What has not arrived is brought by nobody now. */
  #release(request: RangeRequest): void {
    const owners = this.#ownersOf(request.file);
    for (let extent = request.first; extent < request.end; extent += 1) {
      if (owners.get(extent) === request && !request.has(extent)) owners.delete(extent);
    }
    if (request.heldBytes === 0) this.#requests.delete(request);
  }

  #extents(file: number): Extents {
    return this.#files[file] as Extents;
  }

  #ownersOf(file: number): Map<number, RangeRequest> {
    return this.#owners[file] as Map<number, RangeRequest>;
  }
}

/** The reason with which a request that nobody waits for is ended. */
const ABANDONED: symbol = Symbol("nobody waits for it");
