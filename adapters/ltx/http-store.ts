import { HeadwaterError, isHeadwaterError, type ReadOptions } from "../../lib/index.ts";
import { HttpObjects, type HttpOptions } from "../http/index.ts";
import { parseListing } from "./http-store-listing.ts";
import { ObjectReader } from "./object-reader.ts";
import type { Listing, ObjectSource, StoredObject } from "./store.ts";

export interface HttpStoreOptions extends HttpOptions {
  /**
   * A file below the URL that lists all others, in place of the server's own listings of its
   * folders. It is a JSON array of `{ "name", "size", "mtime" }`, where a name is a path from the
   * URL on.
   */
  index?: string;
}

/** A listing is not larger than this. */
const LISTING_LIMIT: number = 64 * 2 ** 20;

/**
 * Objects on any web server with ranges. It cannot be asked for a list by HTTP alone: either the
 * server lists its folders in JSON (nginx: `autoindex on; autoindex_format json;`), or there is an
 * index file.
 */
export class HttpStore extends ObjectReader implements ObjectSource {
  readonly name: string;
  readonly layout = "ltx";
  readonly #objects: HttpObjects;
  readonly #index: string | undefined;
  /** The index file while it is on its way: who lists several folders at once asks for it once. */
  #indexing: Promise<readonly StoredObject[]> | undefined;

  /** @throws {TypeError | RangeError} when the URL or an option makes no sense. */
  constructor(root: string | URL, { index, ...options }: HttpStoreOptions = {}) {
    const objects = new HttpObjects(root, options);
    super(objects);
    this.#objects = objects;
    this.#index = index;
    this.name = objects.name;
  }

  /** All there is, in one part. */
  async list(prefix: string, after: string, options: ReadOptions = {}): Promise<Listing> {
    const all =
      this.#index === undefined ? this.#listFolder(prefix, options) : this.#indexed(options);
    const objects = (await all)
      .filter(({ key }) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
      .filter(({ key }) => key > after);
    return { objects, next: undefined };
  }

  async #listFolder(prefix: string, options: ReadOptions): Promise<readonly StoredObject[]> {
    try {
      return await this.#read(prefix, prefix, options);
    } catch (error) {
      if (isHeadwaterError(error, "SOURCE_NOT_FOUND")) return [];
      throw error;
    }
  }

  #indexed({ class: by, meter }: ReadOptions): Promise<readonly StoredObject[]> {
    const options = { ...(by && { class: by }), ...(meter && { meter }) };
    this.#indexing ??= this.#read(this.#index ?? "", "", options).finally(() => {
      this.#indexing = undefined;
    });
    return this.#indexing;
  }

  async #read(
    path: string,
    prefix: string,
    options: ReadOptions,
  ): Promise<readonly StoredObject[]> {
    const bytes = await this.#objects.readWhole(path, LISTING_LIMIT, options).catch((error) => {
      if (!isHeadwaterError(error, "SOURCE_FAILED") || error.retryable) throw error;
      throw new HeadwaterError(error.code, `${error.message}; ${ADVICE}`, { cause: error });
    });
    const objects = parseListing(new TextDecoder().decode(bytes), prefix);
    if (objects !== undefined) return objects;
    const message = `${this.name}/${path} is not a listing in JSON; ${ADVICE}`;
    throw new HeadwaterError("SOURCE_FAILED", message);
  }
}

const ADVICE =
  "have the server list its folders in JSON (nginx: autoindex on, autoindex_format json), " +
  "or name a file that lists them with the `index` option";
