import { openSync } from "node:fs";
import { HeadwaterError } from "../../../lib/errors.ts";
import type { CloneAnswer, CloneRequest, LocalFile } from "../between/clone-calls.ts";
import type { CloneMemory } from "../between/clone-memory.ts";
import { type FileLocks, LOCK, type LockLevel } from "../between/file-locks.ts";
import { LocalPages } from "../between/local-pages.ts";
import { INTERRUPTED_CALL, type ThreadCaller } from "../between/thread-call.ts";
import { LocalReader } from "./local-reader.ts";
import type { VfsFile } from "./vfs-file.ts";
import { WriteBuffer } from "./write-buffer.ts";

/** Where a database file says in which modes it is read and written; 1 is a rollback journal. */
const MODES_OFFSET = 18;
const MODES_END = 20;
const ROLLBACK_MODE = 1;
const LOG_MODE = 2;
/** How often who waits while the clone advances looks whether it is to end. */
const LOOK_MS = 20;

/** After so many bytes the clone's thread is told where they are being read. */
const TOLD_SIZE: number = 128 * 2 ** 10;
/** A run of reads in the order of the file skips no more than this, in bytes. */
const RUN_GAP: number = 64 * 2 ** 10;
/** So many reads elsewhere, one after the other, do not end a run. */
const MOST_STRAYS = 3;
/** How the interior pages of b-trees begin: https://www.sqlite.org/fileformat2.html#b_tree_pages */
const INTERIOR_TYPES: readonly (number | undefined)[] = [2, 5];

export interface CloneFileOptions {
  readonly caller: ThreadCaller<CloneRequest, CloneAnswer>;
  readonly memory: CloneMemory;
  readonly locks: FileLocks;
  /** Of this connection among the locks. */
  readonly place: number;
  /** How long a connection waits while the clone advances, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether there is a log with transactions that the file does not have. */
  readonly hasLog: boolean;
}

/**
 * The database file of a clone. A page that is local is read here, from the file itself; one that
 * is not is asked for, and so is every change.
 */
export class CloneFile implements VfsFile {
  readonly #options: CloneFileOptions;
  readonly #buffer: WriteBuffer;
  #generation = -1;
  #local: LocalReader | undefined;
  /**
   * Whether the file was not where it should be. It was getting its final name, or it is the former
   * version of one that was not in its place yet, and has no more than what both have in common.
   */
  #isBeforePlaced = false;
  #pages: LocalPages;
  /** What was read in the order of the file. */
  #run = { end: 0, length: 0 };
  #strays = 0;
  /** How much of what is local was read since the clone's thread was told where. */
  #sinceTold = 0;

  constructor(options: CloneFileOptions) {
    this.#options = options;
    const { caller } = options;
    this.#buffer = new WriteBuffer((offset, bytes) => {
      this.#local?.forget();
      caller.callToEnd({ kind: "write", offset, bytes });
    });
    this.#pages = new LocalPages(1, 0);
    this.#refresh();
  }

  read(memory: Uint8Array, at: number, length: number, offset: number): number {
    if (this.#buffer.overlaps(offset, length)) this.#buffer.flush();
    const { memory: clone } = this.#options;
    const left = clone.size - offset;
    const count = Math.max(0, Math.min(length, left));
    if (count > 0) {
      if (clone.isComplete) this.#readLocal(memory, at, count, offset, left);
      else this.#readArriving(memory, at, count, offset);
      if (offset < MODES_END) this.#presentModes(memory, at, count, offset);
    }
    if (count < length) memory.fill(0, at + count, at + length);
    return count;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#buffer.add(offset, bytes);
  }

  truncate(size: number): void {
    this.#buffer.flush();
    this.#local?.forget();
    this.#options.caller.callToEnd({ kind: "truncate", size });
  }

  sync(): void {
    this.#buffer.flush();
    this.#options.caller.callToEnd({ kind: "sync" });
  }

  /** Writes what is held back: something else relies on it. */
  flush(): void {
    this.#buffer.flush();
  }

  size(): number {
    return Math.max(this.#options.memory.size, this.#buffer.end);
  }

  lock(level: LockLevel): boolean {
    const { caller, locks, place } = this.#options;
    caller.checkOpen(); // the place is somebody else's then
    if (level !== LOCK.SHARED) return locks.raise(place, level);
    if (!this.#share()) return false;
    this.#local?.forget(); // until now anybody could write
    // Only here: within a transaction all pages are of one version.
    if (this.#generation !== this.#options.memory.generation) this.#refresh();
    return true;
  }

  unlock(level: LockLevel): void {
    const { locks, place } = this.#options;
    try {
      this.#buffer.flush();
    } finally {
      locks.lower(place, level);
    }
  }

  isReserved(): boolean {
    const { locks, place } = this.#options;
    return locks.isReservedByOther(place);
  }

  close(): void {
    try {
      this.unlock(LOCK.NONE);
    } finally {
      this.release();
    }
  }

  /** Lets go of the local file until somebody reads again. Only while no lock is held. */
  release(): void {
    this.#local?.close();
    this.#local = undefined;
    this.#generation = -1;
  }

  /** Whether it may read now. Nobody is turned away because the clone advances for a moment. */
  #share(): boolean {
    const { caller, locks, place, timeoutMs } = this.#options;
    const deadline = performance.now() + timeoutMs;
    while (true) {
      const { changes } = locks;
      if (locks.raise(place, LOCK.SHARED)) return true;
      const leftMs = deadline - performance.now();
      if (!locks.isHeldByClone || leftMs <= 0) return false;
      if (caller.interruption.isSet) throw INTERRUPTED_CALL;
      locks.waitForChange(changes, Math.min(leftMs, LOOK_MS));
    }
  }

  #refresh(): void {
    const { caller, memory } = this.#options;
    const { generation } = memory;
    const found = caller.call({ kind: "file" }) as LocalFile;
    const { paths, regionSize, regionCount, localPages } = found;
    const before = this.#local;
    const { fd, path } = openFirst(paths);
    this.#local = new LocalReader(fd);
    this.#isBeforePlaced = path !== paths[0];
    before?.close();
    this.#pages = new LocalPages(regionSize, regionCount, localPages);
    this.#generation = generation;
  }

  /** Of what is known to be local now, which may be so only in a file that has taken its place. */
  #readLocal(
    memory: Uint8Array,
    at: number,
    length: number,
    offset: number,
    available: number,
  ): void {
    if (this.#isBeforePlaced) this.#refresh();
    this.#local?.read(memory, at, length, offset, available);
  }

  #readArriving(memory: Uint8Array, at: number, length: number, offset: number): void {
    const isLocal = this.#pages.has(offset, length);
    this.#follow(offset, length);
    if (isLocal) this.#readLocal(memory, at, length, offset, length);
    else memory.set(this.#ask(offset, length), at);
    if (isLocal) this.#tellPlace(offset, length, memory[at]);
  }

  #follow(offset: number, length: number): void {
    const skipped = offset - this.#run.end;
    const goesOn = skipped >= 0 && skipped <= RUN_GAP;
    this.#strays = goesOn ? 0 : this.#strays + 1;
    if (!goesOn && this.#strays <= MOST_STRAYS) return;
    this.#run = { end: offset + length, length: goesOn ? this.#run.length + length : length };
  }

  /**
   * Who scans what is local is read ahead of, before there is something to wait for. Interior pages
   * are told of one by one: they say what is next.
   */
  #tellPlace(offset: number, length: number, type: number | undefined): void {
    this.#sinceTold += length;
    const mayBeInterior = INTERIOR_TYPES.includes(type);
    if (this.#sinceTold < TOLD_SIZE && !mayBeInterior) return;
    this.#sinceTold = 0;
    this.#options.caller.tell({ kind: "at", offset, length, run: this.#run, mayBeInterior });
  }

  #ask(offset: number, length: number): Uint8Array {
    this.#sinceTold = 0;
    const request: CloneRequest = { kind: "read", offset, length, run: this.#run };
    return this.#options.caller.call(request) as Uint8Array;
  }

  /**
   * A database whose last writer used a log says so, and SQLite would look for one. Where there is
   * none it is read as one with a rollback journal, which it is then.
   */
  #presentModes(memory: Uint8Array, at: number, length: number, offset: number): void {
    if (this.#options.hasLog) return;
    for (let byte = Math.max(MODES_OFFSET, offset); byte < MODES_END; byte += 1) {
      const place = at + byte - offset;
      if (byte - offset < length && memory[place] === LOG_MODE) memory[place] = ROLLBACK_MODE;
    }
  }
}

/** The file may be getting its final name at this moment. */
function openFirst(paths: readonly string[]): { fd: number; path: string } {
  for (const path of paths) {
    try {
      return { fd: openSync(path, "r"), path };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === paths.at(-1)) throw error;
    }
  }
  throw new HeadwaterError("DESTINATION_FAILED", "the database has no local file");
}
