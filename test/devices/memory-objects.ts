import type {
  Listing,
  ObjectStore,
  PutOptions,
  ReplicaLayout,
  StoredObject,
} from "../../adapters/ltx/index.ts";
import { HeadwaterError, type ReadOptions } from "../../lib/index.ts";

/** A request to the store. */
export interface ObjectRequest {
  readonly kind: "list" | "read" | "stream";
  readonly key: string;
  readonly offset: number;
  readonly length: number;
}

/** Turns of the event loop without a new request after which those that wait are answered. */
const QUIET_TURNS = 10;

/**
 * Objects in memory. Requests that are made without waiting for one another's answers are one
 * round: what takes one round trip.
 */
export class MemoryObjects implements ObjectStore {
  readonly name = "memory://replica";
  readonly layout: ReplicaLayout = "ltx";
  readonly objects: Map<string, Uint8Array> = new Map();
  readonly requests: ObjectRequest[] = [];
  rounds = 0;
  bytes = 0;
  listingSize = 1000;
  /** Called when a request is answered; may throw what it fails with. */
  answering: (request: ObjectRequest) => void = () => {};
  #held: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  count(kind: ObjectRequest["kind"]): number {
    return this.requests.filter((request) => request.kind === kind).length;
  }

  /** Holds back every answer until the returned function is called. */
  hold(): () => void {
    let letGo = (): void => {};
    this.#held = new Promise((resolve) => {
      letGo = resolve;
    });
    return () => {
      this.#held = undefined;
      letGo();
    };
  }

  /** Forgets what was asked so far. */
  reset(): void {
    this.requests.length = 0;
    this.rounds = 0;
    this.bytes = 0;
  }

  async list(prefix: string, after: string, options: ReadOptions = {}): Promise<Listing> {
    await this.#answer({ kind: "list", key: prefix, offset: 0, length: 0 }, options);
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    const listed = keys.sort().slice(0, this.listingSize);
    const objects = listed.map((key) => {
      const size = this.objects.get(key)?.length ?? 0;
      return { key, size, modifiedMs: undefined };
    });
    return { objects, next: listed.length < keys.length ? listed.at(-1) : undefined };
  }

  async read(
    object: StoredObject,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    await this.#answer({ kind: "read", key: object.key, offset, length }, options);
    const bytes = this.#part(object, offset, length);
    this.bytes += length;
    options.meter?.bytes(length);
    return bytes;
  }

  async *stream(
    object: StoredObject,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await this.#answer({ kind: "stream", key: object.key, offset, length }, options);
    const bytes = this.#part(object, offset, length);
    for (let at = 0; at < length; at += 10_000) {
      const piece = bytes.slice(at, at + 10_000);
      this.bytes += piece.length;
      options.meter?.bytes(piece.length);
      yield piece;
      options.signal?.throwIfAborted();
      this.#check();
    }
  }

  put(key: string, bytes: Uint8Array, { ifAbsent = false }: PutOptions = {}): Promise<void> {
    if (ifAbsent && this.objects.has(key)) throw new HeadwaterError("EXISTS", `${key} exists`);
    this.objects.set(key, bytes);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#isClosed) throw new HeadwaterError("CLOSED", "the store was closed");
  }

  async #answer(request: ObjectRequest, { signal, meter }: ReadOptions): Promise<void> {
    signal?.throwIfAborted();
    this.#check();
    this.requests.push(request);
    meter?.request();
    await this.#round();
    await this.#held;
    signal?.throwIfAborted();
    this.#check();
    this.answering(request);
  }

  #round(): Promise<void> {
    if (this.#waiting.length === 0) void this.#endRound();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #endRound(): Promise<void> {
    let seen = 0;
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#waiting.length > seen) quiet = 0;
      seen = this.#waiting.length;
    }
    this.rounds += 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #part({ key, size }: StoredObject, offset: number, length: number): Uint8Array {
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw new HeadwaterError("SOURCE_NOT_FOUND", `${key} is gone`);
    if (bytes.length !== size) throw new HeadwaterError("SOURCE_CHANGED", `${key} has changed`);
    return bytes.slice(offset, offset + length);
  }
}
