import type { ReadOptions } from "../../lib/index.ts";
import { type S3Address, S3Objects, type S3ObjectsOptions } from "../s3/index.ts";
import { ObjectReader } from "./object-reader.ts";
import type { Listing, ObjectStore, PutOptions } from "./store.ts";

/** Objects below `s3://bucket/path`. */
export class S3Store extends ObjectReader implements ObjectStore {
  readonly name: string;
  readonly layout = "s3";
  readonly #objects: S3Objects;

  /** @throws {TypeError | RangeError} when the address or an option makes no sense. */
  constructor(root: string | URL | S3Address, options: S3ObjectsOptions = {}) {
    const objects = new S3Objects(root, options);
    super(objects);
    this.#objects = objects;
    this.name = objects.name;
  }

  async list(prefix: string, after: string, options?: ReadOptions): Promise<Listing> {
    const { objects, next } = await this.#objects.list(prefix, after, options);
    return { objects: objects.filter(({ key }) => !key.slice(prefix.length).includes("/")), next };
  }

  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void> {
    return this.#objects.put(key, bytes, options);
  }
}
