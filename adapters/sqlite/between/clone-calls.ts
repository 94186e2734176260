import type { NativeDriver } from "./native.ts";
import type { CallPath } from "./thread-call.ts";

/** What was read in the order of the file: where that ends, and how much it is, in bytes. */
export interface FileRun {
  readonly end: number;
  readonly length: number;
}

/** What a connection asks of the thread that owns the clone. Offsets and sizes in bytes. */
export type CloneRequest =
  | {
      readonly kind: "read";
      readonly offset: number;
      readonly length: number;
      readonly run: FileRun;
    }
  | {
      /** Told, and not waited for: where somebody is who reads pages that are local. */
      readonly kind: "at";
      readonly offset: number;
      readonly length: number;
      readonly run: FileRun;
      /** Whether it may be a page that says which ones are read next. */
      readonly mayBeInterior: boolean;
    }
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number }
  | { readonly kind: "sync" }
  | { readonly kind: "file" };

/** Where the pages that are local can be read. */
export interface LocalFile {
  /** The file that holds them now: the first of these names that exists. */
  readonly paths: readonly string[];
  readonly regionSize: number;
  readonly regionCount: number;
  readonly localPages: SharedArrayBuffer;
}

/** The bytes that were read, or the file that was asked for; nothing for a change. */
export type CloneAnswer = Uint8Array | LocalFile | undefined;

/**
 * A way into a database from another thread: sent there once, in a message whose transfer list has
 * the port of its path, and opened there with `DatabaseSync.open`.
 */
export interface DatabaseHandle {
  /** The name that the database has when it is whole, and its journals have always. */
  readonly file: string;
  readonly writable: boolean;
  /** Of the thread that owns the clone. */
  readonly threadId: number;
  readonly place: number;
  readonly locks: SharedArrayBuffer;
  readonly cloneMemory: SharedArrayBuffer;
  readonly calls: CallPath;
  readonly takeover: SharedArrayBuffer;
  /** Those that may take over, the best first. */
  readonly natives: readonly NativeDriver[];
  /** For each call of the clone's thread, in milliseconds. */
  readonly timeoutMs: number;
}
