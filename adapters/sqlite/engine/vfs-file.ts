import type { LockLevel } from "../between/file-locks.ts";

/** A file as SQLite's pager uses it, on this thread. What is thrown becomes an I/O error. */
export interface VfsFile {
  /**
   * Fills `length` bytes of `memory` from `at` on with what is at `offset`; what lies past the end
   * of the file with zeros. Returns how many bytes were there.
   */
  read(memory: Uint8Array, at: number, length: number, offset: number): number;
  write(bytes: Uint8Array, offset: number): void;
  truncate(size: number): void;
  sync(): void;
  size(): number;
  /** Whether the lock could be had. */
  lock(level: LockLevel): boolean;
  unlock(level: LockLevel): void;
  /** Whether somebody else is about to write. */
  isReserved(): boolean;
  close(): void;
}

/** The files of a connection. */
export interface VfsFiles {
  /**
   * @param path undefined for a temporary file that is gone when it is closed.
   * @returns undefined where there is none and none was to be made.
   */
  open(path: string | undefined, flags: number): VfsFile | undefined;
  /** Harmless where there is none. Returns whether there was one. */
  delete(path: string, syncFolder: boolean): boolean;
  exists(path: string): boolean;
  /** Waits on this thread, unless it is interrupted. */
  sleep(ms: number): void;
}
