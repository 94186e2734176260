import { joinPieces, type ReadOptions } from "../../lib/index.ts";
import type { StoredObject } from "./store.ts";

/** What reads objects of a place on the network, and is closed with the store. */
export interface Objects {
  stream(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): AsyncIterable<Uint8Array>;
  release(pieces: readonly Uint8Array[]): void;
  close(): Promise<void>;
}

/** The part of a store that reads, whatever lists. */
export class ObjectReader implements AsyncDisposable {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  read(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): Promise<Uint8Array> {
    const pieces = this.stream(object, offset, length, options);
    return joinPieces(pieces, offset, length, (piece) => this.release(piece));
  }

  stream(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): AsyncIterable<Uint8Array> {
    return this.#objects.stream(object, offset, length, options);
  }

  release(pieces: readonly Uint8Array[]): void {
    this.#objects.release(pieces);
  }

  close(): Promise<void> {
    return this.#objects.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
