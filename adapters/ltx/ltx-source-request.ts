import type { Meter, RequestClass } from "../../lib/index.ts";
import type { Extents } from "./replica-extents.ts";
import type { ObjectSource } from "./store.ts";

/** With so many bytes here that nobody has taken yet, the store is made to wait. */
const MOST_HELD: number = 2 ** 20;

/** Extents are copied side by side into memory of this size. */
const ROOM_SIZE: number = 64 * 2 ** 10;

interface Waiter {
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

export interface RangeRequestOptions {
  readonly store: ObjectSource;
  /** Its number among the files of the replica. */
  readonly file: number;
  readonly extents: Extents;
  /** The first extent, and the one after the last. */
  readonly first: number;
  readonly end: number;
  readonly class: RequestClass;
  readonly meter: Meter;
  /** Whether somebody may still want this extent from here. */
  isWanted(extent: number): boolean;
  /** Called once, when nothing more comes. */
  ended(request: RangeRequest, error: unknown): void;
}

/**
 * One request for neighbouring extents of a file. What has arrived waits here until it is taken.
 * Where nobody waits for what is still to come, and much is here, the store is not read on.
 */
export class RangeRequest {
  readonly file: number;
  readonly first: number;
  readonly end: number;
  readonly class: RequestClass;
  /** How many reads want something of it. */
  users = 0;
  readonly #options: RangeRequestOptions;
  readonly #abort = new AbortController();
  readonly #here = new Map<number, Uint8Array>();
  readonly #waiters = new Map<number, Waiter[]>();
  #held = 0;
  #state: "pending" | "active" | "ended" = "pending";
  /** The first extent that has not arrived. */
  #next: number;
  /** Where it is copied to, so that the store can use the memory of its pieces again. */
  #room: Uint8Array = new Uint8Array(0);
  /** How much of it is there. */
  #begun = 0;
  #resume: (() => void) | undefined;

  constructor(options: RangeRequestOptions) {
    this.#options = options;
    this.file = options.file;
    this.first = options.first;
    this.end = options.end;
    this.class = options.class;
    this.#next = options.first;
  }

  get isPending(): boolean {
    return this.#state === "pending";
  }

  get isActive(): boolean {
    return this.#state === "active";
  }

  /** Nobody waits for anything of it. */
  get isIdle(): boolean {
    return this.#waiters.size === 0;
  }

  /** So much is here that was not taken that the store is made to wait. */
  get isFull(): boolean {
    return this.#held >= MOST_HELD && this.isIdle && this.#next < this.end;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** How many bytes come before this extent does, itself included; 0 where it is here. */
  bytesUntil(extent: number): number {
    if (extent < this.#next) return 0;
    const { extents } = this.#options;
    const { offset, length } = extents.rangeOf(extent);
    return offset + length - extents.rangeOf(this.#next).offset;
  }

  /** Takes an extent out, if it is here. */
  takeNow(extent: number): Uint8Array | undefined {
    const bytes = this.#here.get(extent);
    if (bytes === undefined) return undefined;
    this.#here.delete(extent);
    this.#held -= bytes.length;
    this.#wake();
    return bytes;
  }

  /** Takes out one that is not here, as soon as it is. */
  take(extent: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(extent) ?? [];
      this.#waiters.set(extent, [...waiters, { resolve, reject }]);
      this.start();
      this.#wake();
    });
  }

  has(extent: number): boolean {
    return this.#here.has(extent);
  }

  /** Sends it, if that has not been done. */
  start(): void {
    if (this.#state !== "pending") return;
    this.#state = "active";
    void this.#run();
  }

  /** Ends it. What is here can still be taken. */
  fail(error: unknown): void {
    if (this.#state === "pending") this.#finish(error);
    else this.#abort.abort(error);
    this.#wake();
  }

  /** Forgets what is here. */
  drop(): void {
    this.#here.clear();
    this.#held = 0;
  }

  async #run(): Promise<void> {
    try {
      await this.#receive();
      this.#finish(undefined);
    } catch (error) {
      this.#finish(error);
    }
  }

  async #receive(): Promise<void> {
    const { store, extents, first, end, meter } = this.#options;
    const { signal } = this.#abort;
    const start = extents.rangeOf(first).offset;
    const last = extents.rangeOf(end - 1);
    const length = last.offset + last.length - start;
    const options = { signal, meter, class: this.class };
    let position = start;
    for await (const piece of store.stream(extents.file.object, start, length, options)) {
      this.#cut(piece, position);
      position += piece.length;
      store.release?.([piece]);
      while (this.isFull && !signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#resume = resolve;
        });
      }
      signal.throwIfAborted();
    }
  }

  /** Cuts the extents out of a piece that begins at `position` in the file. */
  #cut(piece: Uint8Array, position: number): void {
    let used = 0;
    while (used < piece.length && this.#next < this.end) {
      const { offset, length } = this.#options.extents.rangeOf(this.#next);
      const skipped = offset - position - used;
      if (skipped > 0) {
        used += skipped; // superseded, and fetched over
        continue;
      }
      const part = piece.subarray(used, offset + length - position);
      this.#copy(part, length);
      used += part.length;
      if (position + used === offset + length) this.#arrive(this.#next);
    }
  }

  /** Adds to what is here of the next extent, which is so long as a whole. */
  #copy(part: Uint8Array, length: number): void {
    if (this.#begun === 0 && this.#room.length < length) {
      this.#room = new Uint8Array(Math.max(ROOM_SIZE, length));
    }
    this.#room.set(part, this.#begun);
    this.#begun += part.length;
  }

  #arrive(extent: number): void {
    const bytes = this.#room.subarray(0, this.#begun);
    this.#room = this.#room.subarray(this.#begun);
    this.#begun = 0;
    this.#next = extent + 1;
    const waiters = this.#waiters.get(extent);
    if (waiters !== undefined) {
      this.#waiters.delete(extent);
      for (const { resolve } of waiters) resolve(bytes);
    } else if (this.#options.isWanted(extent)) {
      this.#here.set(extent, bytes);
      this.#held += bytes.length;
    }
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  #finish(error: unknown): void {
    this.#state = "ended";
    const waiters = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    this.#options.ended(this, error);
    for (const { reject } of waiters) reject(error);
  }
}
