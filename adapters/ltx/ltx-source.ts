import { setMaxListeners } from "node:events";
import {
  type ByteRange,
  HeadwaterError,
  isHeadwaterError,
  joinPieces,
  type Meter,
  type ReadOptions,
  ReusedMemory,
  type SourceChanges,
  type SourceDevice,
} from "../../lib/index.ts";
import { changedPages } from "./advance-pages.ts";
import { endOf } from "./ending.ts";
import { presentFirstPage } from "./first-page.ts";
import { FrameRequests } from "./ltx-source-frames.ts";
import type { LtxSourceOptions } from "./ltx-source-options.ts";
import { PageDecoder } from "./ltx-source-pages.ts";
import { Wanted } from "./ltx-source-wanted.ts";
import { type Assembly, assemble, isVanished, replacedBy } from "./replica.ts";
import { findIdentity, formatIdentity } from "./replica-identity.ts";
import type { PagePlace, ReplicaPages } from "./replica-pages.ts";
import { shortLivedPages } from "./short-lived-pages.ts";

/** What a stream hands on at once, in bytes, at most. */
const PIECE_SIZE: number = 256 * 2 ** 10;
/** Memory for so many pieces is kept for the next ones. */
const MOST_SPARE = 32;
/** How often in a row files may vanish before a page can be read from their successors. */
const MOST_ASSEMBLIES = 5;

/** An assembly, and what fetches its frames. */
interface Version {
  readonly assembly: Assembly;
  readonly frames: FrameRequests;
}

/**
 * A database as a Litestream replica has it after one transaction. Only the newest frame of each
 * page is fetched. When files are compacted away meanwhile, their successors are found.
 */
export class LtxSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity = true;
  readonly txid: bigint;
  readonly timestampMs: number;
  readonly pageSize: number;
  readonly #options: LtxSourceOptions;
  readonly #decoder: PageDecoder;
  readonly #closing = new AbortController();
  /** Where pages are decompressed. */
  readonly #memory: ReusedMemory;
  #version: Version;
  #assembling: Promise<void> | undefined;
  #assemblies = 0;
  /** That a file has become one of another database. */
  #replaced: HeadwaterError | undefined;

  constructor(options: LtxSourceOptions) {
    const { store, assembly } = options;
    const { txid, pages, timestampMs } = assembly;
    this.size = pages.size;
    this.identity = formatIdentity({ name: store.name, txid });
    this.txid = txid;
    this.timestampMs = timestampMs;
    this.pageSize = pages.pageSize;
    this.#options = options;
    this.#decoder = new PageDecoder(pages.pageSize, pages.commit, store.name);
    this.#memory = new ReusedMemory(Math.max(PIECE_SIZE, pages.pageSize), MOST_SPARE);
    this.#version = { assembly, frames: new FrameRequests(store, pages.files) };
    setMaxListeners(0, this.#closing.signal); // one for each read
  }

  /** What is known of the replica. */
  get assembly(): Assembly {
    return this.#version.assembly;
  }

  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const pieces = this.stream(offset, length, options);
    return joinPieces(pieces, offset, length, (piece) => this.release(piece));
  }

  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#check(offset, length);
    if (length === 0) return;
    const { signal, class: by = "demand", meter = FREE } = options;
    this.#options.costs.charge(meter);
    meter.bytes(0); // what it costs is reported, even if that is nothing
    const { pageSize } = this;
    const first = Math.floor(offset / pageSize) + 1;
    const end = Math.ceil((offset + length) / pageSize) + 1;
    const ending = endOf(signal, this.#closing.signal);
    const wanted = new Wanted({ class: by, meter }, end);
    let isDone = false;
    const { frames, assembly } = this.#version;
    wanted.prepare(frames, first, pageSize);
    try {
      const checked = this.#decoder.checkBodies(assembly.pages);
      if (by === "background") await Promise.race([checked, ending.promise]);
      for (let pgno = first; pgno < end; ) {
        const taken = await Promise.race([this.#take(pgno, wanted), ending.promise]);
        const { bytes, failure } = this.#decodeRun(pgno, end, taken);
        const start = (pgno - 1) * pageSize;
        const piece = bytes.subarray(Math.max(0, offset - start), offset + length - start);
        this.#memory.handOut(piece, piece.length, true);
        if (piece.length > 0) yield piece;
        if (failure !== undefined) throw failure.error;
        pgno += bytes.length / pageSize;
      }
      isDone = true;
    } finally {
      ending.release();
      wanted.leave(isDone);
    }
  }

  release(pieces: readonly Uint8Array[]): void {
    this.#memory.takeBack(pieces);
  }

  async *zeros(offset: number, length: number): AsyncGenerator<ByteRange, void, undefined> {
    this.#check(offset, length);
    const { pages } = this.#version.assembly;
    await this.#decoder.checkBodies(pages);
    yield* pages.zeros(offset, length);
  }

  /** What the transactions after that one changed. */
  async changedSince(identity: string, options: ReadOptions = {}): Promise<SourceChanges> {
    const from = findIdentity(identity);
    const { store, assembling } = this.#options;
    if (from === undefined || from.name !== store.name) {
      const reason = `the copy is of ${identity}, which is another replica`;
      return { ranges: [{ offset: 0, length: this.size }], reason };
    }
    const { layout } = assembling;
    const { assembly } = this.#version;
    await this.#decoder.checkBodies(assembly.pages);
    return changedPages(store, assembly, from.txid, { ...options, layout });
  }

  /** The newest state, where that was asked for; undefined where it was this one. */
  async successor(options: { signal?: AbortSignal } = {}): Promise<SourceDevice | undefined> {
    const known = this.#version.assembly.pages.files.map(({ file }) => file);
    return this.#options.successor?.({ ...options, known });
  }

  /** Litestream soon compacts the files of the lowest levels into others. */
  shortLived(): Iterable<ByteRange> {
    return shortLivedPages(this.#version.assembly.pages);
  }

  async close(): Promise<void> {
    const error = new HeadwaterError("CLOSED", `${this.#options.store.name} was closed`);
    this.#closing.abort(error);
    this.#version.frames.close(error);
    if (this.#options.ownsStore) await this.#options.store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(offset: number, length: number): void {
    this.#closing.signal.throwIfAborted();
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (inside && offset >= 0 && length >= 0 && offset + length <= this.size) return;
    throw new RangeError(`${length} bytes at ${offset} are not inside ${this.size}`);
  }

  /** The bytes of a page's extent as soon as they are here; undefined for a page of zeros. */
  async #take(pgno: number, wanted: Wanted): Promise<Taken | undefined> {
    while (true) {
      const version = this.#version;
      const { frames } = version;
      const { pages } = version.assembly;
      const place = pages.placeOf(pgno);
      if (place === undefined) return undefined;
      try {
        const bytes = await frames.take(place.file, place.extent);
        if (bytes === undefined) {
          wanted.prepare(frames, pgno, this.pageSize);
          continue;
        }
        this.#assemblies = 0;
        return { pages, place, bytes };
      } catch (error) {
        if (error !== REASSEMBLED && !isVanished(error)) throw error;
        await this.#reassemble(version, error, wanted.caller.meter);
      }
    }
  }

  /**
   * Pages from `first` on, which was taken: as many as are here, and no more than make a piece. One
   * that is corrupt ends them.
   */
  #decodeRun(first: number, end: number, taken: Taken | undefined): DecodedRun {
    const { pageSize } = this;
    const { frames, assembly } = this.#version;
    const decoded = this.#memory.take();
    const most = Math.min(end, first + decoded.length / pageSize);
    let pgno = first;
    let failure: DecodedRun["failure"];
    try {
      for (let next = taken; pgno < most; ) {
        const at = (pgno - first) * pageSize;
        const page = decoded.subarray(at, at + pageSize);
        if (next === undefined) this.#decoder.decodeZeros(assembly.pages, page);
        else this.#decode(pgno, next, page);
        pgno += 1;
        if (pgno === most) break;
        const place = assembly.pages.placeOf(pgno);
        const here = place && frames.takeNow(place.file, place.extent);
        if (place !== undefined && here === undefined) break;
        next = place && here && { pages: assembly.pages, place, bytes: here };
      }
    } catch (error) {
      failure = { error };
    }
    return { bytes: decoded.subarray(0, (pgno - first) * pageSize), failure };
  }

  #decode(pgno: number, { pages, place, bytes }: Taken, page: Uint8Array): void {
    this.#decoder.decode(pages, place, bytes, page);
    if (pgno === 1) presentFirstPage(page, this.txid, pages.commit);
  }

  /** Files have vanished: finds out where their pages are now. */
  async #reassemble(version: Version, cause: unknown, meter: Meter): Promise<void> {
    if (version !== this.#version) return; // somebody has
    this.#assembling ??= this.#assemble(version, cause, meter).finally(() => {
      this.#assembling = undefined;
    });
    await this.#assembling;
  }

  async #assemble({ assembly, frames }: Version, cause: unknown, meter: Meter): Promise<void> {
    const { store, assembling } = this.#options;
    if (this.#replaced !== undefined) throw this.#replaced;
    this.#assemblies += 1;
    if (this.#assemblies > MOST_ASSEMBLIES) throw cause;
    const { signal } = this.#closing;
    // A file that has changed is loaded anew. It may have been copied, and be the same.
    const hasChanged = isHeadwaterError(cause, "SOURCE_CHANGED");
    const known = hasChanged ? [] : assembly.pages.files.map(({ file }) => file);
    const { txid } = this;
    try {
      const next = await assemble(store, { txid }, { ...assembling, known, meter, signal });
      this.#replaced = replacedBy(store.name, assembly, next);
      if (this.#replaced !== undefined) throw this.#replaced;
      const { commit, pageSize, files } = next.pages;
      if (commit !== assembly.pages.commit || pageSize !== this.pageSize) {
        throw new HeadwaterError("SOURCE_CHANGED", `it has ${commit} pages of ${pageSize} bytes`);
      }
      this.#version = { assembly: next, frames: new FrameRequests(store, files) };
    } catch (error) {
      if (!isVanished(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `${this.identity} cannot be assembled any more: ${reason}`;
      throw new HeadwaterError("SOURCE_CHANGED", message, { cause: error });
    }
    frames.close(REASSEMBLED);
  }
}

/** The bytes of an extent. */
interface Taken {
  readonly pages: ReplicaPages;
  readonly place: PagePlace;
  readonly bytes: Uint8Array;
}

interface DecodedRun {
  readonly bytes: Uint8Array;
  readonly failure: { readonly error: unknown } | undefined;
}

/** Why a request is given up whose files have successors. */
const REASSEMBLED: symbol = Symbol("the replica was assembled again");

const FREE: Meter = { request: () => {}, bytes: () => {} };
