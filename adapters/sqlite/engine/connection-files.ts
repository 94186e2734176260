import { existsSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseHandle } from "../between/clone-calls.ts";
import { CloneMemory, JOURNAL } from "../between/clone-memory.ts";
import { FileLocks } from "../between/file-locks.ts";
import { ThreadCaller } from "../between/thread-call.ts";
import { CloneFile } from "./clone-file.ts";
import { flushFolderSync, PlainFile } from "./plain-file.ts";
import { OPEN } from "./vfs.ts";
import type { VfsFile, VfsFiles } from "./vfs-file.ts";

/** The database of a clone, its journals, and whatever else a connection opens by its name. */
export class ConnectionFiles implements VfsFiles {
  readonly caller: ThreadCaller<never, never>;
  readonly #handle: DatabaseHandle;
  readonly #memory: CloneMemory;
  #database: CloneFile | undefined;

  constructor(handle: DatabaseHandle) {
    this.#handle = handle;
    this.#memory = new CloneMemory(handle.cloneMemory);
    this.caller = new ThreadCaller(handle.calls, handle.timeoutMs);
  }

  open(path: string | undefined, flags: number): VfsFile | undefined {
    if (path === undefined) return PlainFile.temporary();
    if (path === this.#handle.file) return this.#openDatabase();
    const writable = (flags & OPEN.READWRITE) !== 0;
    const create = (flags & OPEN.CREATE) !== 0;
    const journal = this.#journalAt(path);
    if (journal !== undefined && create) this.#memory.setJournal(journal, true);
    return PlainFile.open(path, { writable, create, changing: () => this.#changing() });
  }

  delete(path: string, isDurable: boolean): boolean {
    this.#changing();
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
    if (isDurable) flushFolderSync(dirname(path));
    const journal = this.#journalAt(path);
    if (journal !== undefined) this.#memory.setJournal(journal, false);
    return true;
  }

  exists(path: string): boolean {
    if (path === this.#handle.file) return true;
    const journal = this.#journalAt(path);
    if (journal !== undefined && (this.#memory.journals & journal) === 0) return false;
    return existsSync(path);
  }

  /** Lets go of the database's file until it is read again, while no lock is held. */
  releaseDatabase(): void {
    this.#database?.release();
  }

  /** When nothing is open any more. */
  close(): void {
    this.#handle.calls.port.close();
  }

  sleep(ms: number): void {
    const { interruption } = this.caller;
    if (!interruption.isSet) interruption.waitFrom(interruption.wakes, ms);
  }

  /**
   * A journal ends only after what it protects is written, and a connection that has ended, whose
   * locks may be somebody else's, changes nothing more.
   */
  #changing(): void {
    this.caller.checkOpen();
    this.#database?.flush();
  }

  /** Which of the database's own journals has this name, if any has. */
  #journalAt(path: string): number | undefined {
    const { file } = this.#handle;
    if (path.length !== file.length + 8 && path.length !== file.length + 4) return undefined;
    if (path === `${file}-journal`) return JOURNAL.ROLLBACK;
    return path === `${file}-wal` ? JOURNAL.LOG : undefined;
  }

  #openDatabase(): CloneFile {
    const { file, place, locks, timeoutMs } = this.#handle;
    this.#database = new CloneFile({
      caller: this.caller as never,
      memory: this.#memory,
      locks: new FileLocks(locks),
      place,
      timeoutMs,
      hasLog: sizeOf(`${file}-wal`) > 0,
    });
    return this.#database;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
