import type { ReadOptions } from "../../lib/index.ts";
import { type S3Address, S3Objects, type S3ObjectsOptions } from "../s3/index.ts";
import { joinPieces } from "./join-pieces.ts";
import type { Listing, ObjectStore, PutOptions, StoredObject } from "./store.ts";

/** Objects below `s3://bucket/path`. */
export class S3Store implements ObjectStore {
  readonly name: string;
  readonly layout = "s3";
  readonly #objects: S3Objects;

  /** @throws {TypeError | RangeError} when the address or an option makes no sense. */
  constructor(root: string | URL | S3Address, options: S3ObjectsOptions = {}) {
    this.#objects = new S3Objects(root, options);
    this.name = this.#objects.name;
  }

  async list(prefix: string, after: string, options?: ReadOptions): Promise<Listing> {
    const { objects, next } = await this.#objects.list(prefix, after, options);
    return { objects: objects.filter(({ key }) => !key.slice(prefix.length).includes("/")), next };
  }

  read(
    object: StoredObject,
    offset: number,
    length: number,
    options?: ReadOptions,
  ): Promise<Uint8Array> {
    return joinPieces(this.stream(object, offset, length, options), length);
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

  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void> {
    return this.#objects.put(key, bytes, options);
  }

  close(): Promise<void> {
    return this.#objects.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
