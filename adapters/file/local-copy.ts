import { rename } from "node:fs/promises";
import {
  assert,
  DEFAULT_REGION_SIZE,
  type DestinationDevice,
  Geometry,
  HeadwaterError,
  type KnownSource,
  type MapStore,
  mapSlotSize,
  type StoredMap,
} from "../../lib/index.ts";
import { FileDevice, type FileDeviceOptions } from "./file-device.ts";
import { fileError, hasCode } from "./file-error.ts";
import { FileMapStore } from "./file-map-store.ts";
import {
  type Consent,
  type Decision,
  decide,
  type Found,
  hasData,
  isFormerVersion,
  look,
} from "./found.ts";
import { FileLock } from "./lock.ts";
import { type CopyNames, flushFolder, namesOf, remove, renameNew } from "./names.ts";
import { copyAside, fingerprintAt, placeAside, settleAside } from "./next-version.ts";
import { checkSpace } from "./space.ts";

export interface LocalCopyOptions extends Partial<Consent> {
  /** Ends the opening. */
  signal?: AbortSignal;
  /** Of the destination: see `FileDeviceOptions`. */
  synchronousReads?: number;
}

export interface CreateOptions {
  /** Of the source, in bytes. */
  size: number;
  /** In bytes. Default 64 KiB. */
  regionSize?: number;
  /** Set where the copy need not become whole: the free space is not compared with the size. */
  sparse?: boolean;
}

/** `new`: there is nothing yet, or nothing worth keeping, and `create` begins. */
export type CopyState = "new" | "partial" | "finished";

/**
 * The files of one copy, owned by this process: `<file>` when it is whole, `<file>.partial` until
 * then, the region map `<file>.headwater` and the lock `<file>.headwater.lock`.
 *
 * Opening deletes nothing. What is given up is removed by `create`, when a source is there to
 * replace it.
 */
export class LocalCopy implements AsyncDisposable {
  readonly names: CopyNames;
  readonly #lock: FileLock;
  readonly #consent: Consent;
  readonly #deviceOptions: FileDeviceOptions;
  /** The fingerprint of the finished former version, which `<file>` is until this copy is whole. */
  #former: string | undefined;
  #found: Found;
  #state: CopyState = "new";
  #stored: StoredMap | undefined;
  #destination: FileDevice | undefined;
  #mapStore: FileMapStore | undefined;
  #closing: Promise<void> | undefined;

  private constructor(found: Found, lock: FileLock, options: LocalCopyOptions) {
    const { overwrite = false, discardLocal = false, synchronousReads } = options;
    this.names = found.names;
    this.#found = found;
    this.#lock = lock;
    this.#consent = { overwrite, discardLocal };
    this.#deviceOptions = {
      ...(synchronousReads !== undefined && { synchronousReads }),
      finish: () => this.#finish(),
      unfinish: () => this.#unfinish(),
    };
  }

  /**
   * Takes the lock, and finds out what there is.
   *
   * @throws {HeadwaterError} `LOCKED` when another process owns the copy; `EXISTS`, `DIVERGED` or
   *   `MAP_CORRUPT` when going on would lose what the options do not give up.
   */
  static async open(path: string, options: LocalCopyOptions = {}): Promise<LocalCopy> {
    const { signal } = options;
    signal?.throwIfAborted();
    const names = await namesOf(path);
    const lock = await FileLock.acquire(names.lock);
    let copy: LocalCopy | undefined;
    try {
      signal?.throwIfAborted();
      copy = new LocalCopy(await settleAside(await look(names)), lock, options);
      await copy.#takeUp(decide(copy.#found, copy.#consent));
      signal?.throwIfAborted();
      return copy;
    } catch (error) {
      if (copy === undefined) await lock.release();
      else await copy.close();
      throw error;
    }
  }

  get state(): CopyState {
    return this.#state;
  }

  /** Of what source it is a copy. Undefined while it is new. */
  get known(): KnownSource | undefined {
    return this.#stored && { size: this.#stored.sourceSize, identity: this.#stored.identity };
  }

  /** The map as it was found. Undefined while the copy is new. */
  get stored(): StoredMap | undefined {
    return this.#stored;
  }

  /** Not before `create` when the copy is new. */
  get destination(): DestinationDevice {
    assert(this.#destination !== undefined, "a new copy has no destination before create");
    return this.#destination;
  }

  /** Not before `create` when the copy is new. */
  get mapStore(): MapStore {
    assert(this.#mapStore !== undefined, "a new copy has no map before create");
    return this.#mapStore;
  }

  /**
   * Makes the copy new. Its files stay as they are until `create`; a finished file stays until
   * another one takes its place.
   *
   * @throws {HeadwaterError} `SOURCE_CHANGED` when a user wrote to the unfinished copy, unless
   *   `discardLocal` is set; `EXISTS` when it is finished, unless `overwrite` is set.
   */
  async restart(): Promise<void> {
    const { overwrite, discardLocal } = this.#consent;
    const { names } = this;
    if (this.#state === "partial" && this.#stored?.written && !discardLocal) {
      throw new HeadwaterError(
        "SOURCE_CHANGED",
        `${names.partial} is of a source that is another one now, and holds what was written to ` +
          "it; move it away to keep it, or set discardLocal to start over",
      );
    }
    if (this.#state === "finished") {
      if (!overwrite) {
        throw new HeadwaterError(
          "EXISTS",
          `${names.file} is finished; set overwrite to replace it`,
        );
      }
      this.#checkPartial();
    }
    await this.#letGo();
    this.#state = "new";
    this.#stored = undefined;
  }

  /**
   * Begins a new copy: removes what was given up, then makes the map and after it a file of the
   * full size that takes no space yet.
   *
   * @throws {RangeError} when the region size is not allowed.
   * @throws {HeadwaterError} `DESTINATION_FULL` when the copy will not fit.
   */
  async create(options: CreateOptions): Promise<void> {
    assert(this.#state === "new", `the copy is ${this.#state}`);
    assert(this.#closing === undefined, "the copy is closed");
    const { size, regionSize = DEFAULT_REGION_SIZE, sparse = false } = options;
    const { regionCount } = new Geometry(size, regionSize);
    const { names } = this;
    if (!sparse) await checkSpace({ ...this.#found, map: undefined }, size);
    try {
      await this.#removeRemains();
      this.#mapStore = await FileMapStore.create(names.map, mapSlotSize(regionCount));
      this.#destination = await FileDevice.create(names.partial, size, this.#deviceOptions);
      await flushFolder(names.folder);
    } catch (error) {
      await this.#letGo();
      throw fileError("DESTINATION_FAILED", `cannot begin ${names.partial}`, error);
    }
    this.#state = "partial";
  }

  /**
   * For an unfinished copy as it was found.
   *
   * @throws {HeadwaterError} `DESTINATION_FULL` when what is missing does not fit.
   */
  async checkRest(): Promise<void> {
    assert(this.#stored !== undefined, "a new copy has no rest");
    await checkSpace(this.#found, this.#stored.size);
  }

  /** Closes the destination and the map, and then releases the lock. A second call waits too. */
  close(): Promise<void> {
    this.#closing ??= this.#letGo().finally(() => this.#lock.release());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #takeUp(decision: Decision): Promise<void> {
    const { names } = this;
    if (decision === "new") return;
    this.#stored = this.#found.map;
    if (isFormerVersion(this.#found)) this.#former = this.#stored?.former;
    if (decision === "finish") await this.#giveName();
    if (decision === "finished") await this.#dropSecondName();
    this.#state = decision === "partial" ? "partial" : "finished";
    this.#mapStore = await FileMapStore.open(names.map);
    const path = this.#state === "finished" ? names.file : names.partial;
    this.#destination = await FileDevice.open(path, { ...this.#deviceOptions, writable: true });
    const { size = 0, advancing = false } = this.#stored ?? {};
    if (this.#destination.size > size && !advancing) await this.#destination.resize(size);
  }

  /** The file goes first, durably: without its map it would be refused as somebody's data. */
  async #removeRemains(): Promise<void> {
    for (const path of [this.names.partial, this.names.map]) {
      if (await remove(path)) await flushFolder(this.names.folder);
    }
  }

  async #finish(): Promise<void> {
    if (this.#state === "finished") return;
    await this.#giveName();
    this.#state = "finished";
  }

  /** The finished file keeps its name until the new version is whole. */
  async #unfinish(): Promise<() => Promise<string>> {
    const { names } = this;
    if (this.#state !== "finished") return () => Promise.resolve(names.partial);
    this.#checkPartial();
    await copyAside(names);
    return async () => {
      this.#former = await fingerprintAt(names.file);
      await placeAside(names);
      this.#state = "partial";
      return names.partial;
    };
  }

  /** A file that somebody else put there meanwhile is never replaced, unless it may be. */
  async #giveName(): Promise<void> {
    const { file, partial, folder } = this.names;
    try {
      const isFormer = this.#former !== undefined && (await fingerprintAt(file)) === this.#former;
      if (this.#consent.overwrite || isFormer) await rename(partial, file);
      else await renameNew(partial, file);
      await flushFolder(folder);
      this.#found = { ...this.#found, partial: undefined };
    } catch (error) {
      if (hasCode(error, "EEXIST")) {
        throw new HeadwaterError(
          "EXISTS",
          `${partial} is whole, but ${file} exists now; move it away, or set overwrite`,
          { cause: error },
        );
      }
      throw fileError("DESTINATION_FAILED", `cannot rename ${partial} to ${file}`, error);
    }
  }

  /** A crash between `link` and `unlink` leaves the finished file with both of its names. */
  async #dropSecondName(): Promise<void> {
    const { file, partial } = this.#found;
    if (partial === undefined || partial.ino !== file?.ino || partial.dev !== file.dev) return;
    await remove(this.names.partial);
    await flushFolder(this.names.folder);
    this.#found = { ...this.#found, partial: undefined };
  }

  #checkPartial(): void {
    if (!hasData(this.#found.partial) || this.#consent.discardLocal) return;
    throw new HeadwaterError(
      "EXISTS",
      `${this.names.partial} is in the way; move it away, or set discardLocal to remove it`,
    );
  }

  /** Resolves, or rejects, when all is closed: nothing of ours is open when the lock goes. */
  async #letGo(): Promise<void> {
    const closing = [this.#destination?.close(), this.#mapStore?.close()];
    this.#destination = undefined;
    this.#mapStore = undefined;
    const failed = (await Promise.allSettled(closing)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }
}
