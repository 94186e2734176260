import { existsSync } from "node:fs";
import { MessageChannel, threadId } from "node:worker_threads";
import { HeadwaterError } from "../../lib/index.ts";
import type {
  CloneAnswer,
  CloneRequest,
  DatabaseHandle,
  LocalFile,
} from "./between/clone-calls.ts";
import { CloneMemory, JOURNAL } from "./between/clone-memory.ts";
import { CLONE_PLACE, FileLocks, LOCK, MOST_CONNECTIONS } from "./between/file-locks.ts";
import { Interruption } from "./between/interruption.ts";
import { LocalPages } from "./between/local-pages.ts";
import type { NativeDriver } from "./between/native.ts";
import { Takeover } from "./between/takeover.ts";
import { answerCalls } from "./between/thread-call.ts";
import type { PageOwner } from "./page-owner.ts";
import type { ScanPlace, Scans } from "./scans.ts";
import { withTimeLimit } from "./time-limit.ts";

/** How often it is looked whether nobody reads any more, while the clone wants to advance. */
const IDLE_LOOK_MS = 5;

export interface PageServiceOptions {
  readonly owner: PageOwner;
  /** The name of the database, to which its journals' names belong. */
  readonly file: string;
  readonly writable: boolean;
  /** For each call of a connection, in milliseconds. */
  readonly timeoutMs: number;
  /** Those that may take over when the database is an ordinary file, the best first. */
  readonly natives: readonly NativeDriver[];
  /** Told of every read that failed. */
  readonly failed: (error: unknown) => void;
}

/** A way into the database for one connection, on this side. */
export interface ServedConnection {
  readonly handle: DatabaseHandle;
  readonly interruption: Interruption;
  /** Has a native driver take over, if one can now. */
  settle: () => void;
  /** Ends its calls, and gives up its locks. A second call is harmless. */
  end(): void;
}

/** Serves the connections of one database, on the thread that owns its pages. */
export class PageService {
  readonly #options: PageServiceOptions;
  readonly #memory = new CloneMemory();
  readonly #locks = new FileLocks();
  readonly #takeover = new Takeover();
  #isFile = false;
  readonly #connections = new Set<ServedConnection>();
  #pages: LocalPages;
  #scans: Scans | undefined;
  #forget: () => void = () => {};
  #isClosed = false;
  /** Ends when all changes that were asked for have been made, or have failed. */
  #changes: Promise<void> = Promise.resolve();

  constructor(options: PageServiceOptions) {
    this.#options = options;
    this.#pages = this.#publish();
    const { file } = options;
    this.#memory.setJournal(JOURNAL.ROLLBACK, existsSync(`${file}-journal`));
    this.#memory.setJournal(JOURNAL.LOG, existsSync(`${file}-wal`));
  }

  /** @throws {HeadwaterError} `LOCKED` when there are too many connections; `CLOSED`. */
  connect(): ServedConnection {
    const { file, writable, timeoutMs, natives } = this.#options;
    if (this.#isClosed) throw new HeadwaterError("CLOSED", "the database is closed");
    const place = this.#locks.take();
    if (place === undefined) {
      throw new HeadwaterError("LOCKED", `${file} has ${MOST_CONNECTIONS} connections already`);
    }
    this.#takeover.object(place);
    const interruption = new Interruption();
    const { port1, port2 } = new MessageChannel();
    const { memory } = interruption;
    const ending = new AbortController();
    const stop = answerCalls<CloneRequest, CloneAnswer>({ port: port1, memory }, (request) =>
      this.#answer(request, ending.signal),
    );
    const handle: DatabaseHandle = {
      ...{ file, writable, threadId, place, timeoutMs, natives },
      takeover: this.#takeover.memory,
      locks: this.#locks.memory,
      cloneMemory: this.#memory.memory,
      calls: { port: port2, memory },
    };
    const connection: ServedConnection = {
      handle,
      interruption,
      settle: () => {}, // a thread of the user's goes on by itself
      end: () => {
        if (!this.#connections.delete(connection)) return;
        interruption.end();
        ending.abort(new HeadwaterError("CLOSED", "the connection is closed"));
        stop();
        // What it has asked for is written, or not, before somebody else can write.
        void this.#changes.then(() => {
          this.#locks.vacate(place);
          this.#takeover.agree(place);
        });
      },
    };
    this.#connections.add(connection);
    port1.once("close", connection.end); // the thread at the other end is gone
    return connection;
  }

  /** From now on those who scan b-trees are read ahead of. */
  set scans(scans: Scans) {
    this.#scans = scans;
  }

  /** Ends all connections. */
  close(): void {
    this.#isClosed = true;
    this.#forget();
    for (const connection of [...this.#connections]) connection.end();
  }

  /**
   * Keeps everybody from reading until what it returns is called.
   *
   * @returns undefined where somebody reads now.
   */
  tryHold(): (() => void) | undefined {
    if (!this.#locks.raise(CLONE_PLACE, LOCK.EXCLUSIVE)) {
      this.#locks.lower(CLONE_PLACE, LOCK.NONE);
      return undefined;
    }
    return () => this.#locks.lower(CLONE_PLACE, LOCK.NONE);
  }

  /** The same, waited for. Who begins to read meanwhile waits, if not for too long. */
  async hold(signal: AbortSignal): Promise<() => void> {
    while (!this.#locks.raise(CLONE_PLACE, LOCK.EXCLUSIVE)) {
      await new Promise((resolve) => setTimeout(resolve, IDLE_LOOK_MS));
      if (!signal.aborted) continue;
      this.#locks.lower(CLONE_PLACE, LOCK.NONE);
      signal.throwIfAborted();
    }
    return () => this.#locks.lower(CLONE_PLACE, LOCK.NONE);
  }

  /** The database is an ordinary file from now on: native drivers take over when they can. */
  takeOver(): void {
    const { natives, writable } = this.#options;
    if (natives.length === 0 || this.#isClosed) return;
    this.#isFile = true;
    if (writable) this.#takeover.ask();
    else this.#takeover.allow();
    for (const { settle } of [...this.#connections]) settle();
  }

  /** Whether somebody may write to the file without the clone being told. */
  get isWrittenByOthers(): boolean {
    return this.#isFile && this.#options.writable;
  }

  /** The pages are of another version, or in another file. Only while nobody reads. */
  republish(): void {
    this.#takeover.forbid();
    this.#pages = this.#publish();
    this.#memory.nextGeneration();
  }

  #publish(): LocalPages {
    this.#forget();
    const { owner } = this.#options;
    const regionCount = Math.ceil(owner.size / owner.regionSize);
    const pages = new LocalPages(owner.regionSize, regionCount);
    // Told of first, so that nothing can come in between.
    this.#forget = owner.onLocal(({ offset, length }) => {
      pages.add(offset, length);
      this.#memory.isComplete = owner.isComplete;
    });
    for (const { offset, length } of owner.local()) pages.add(offset, length);
    this.#memory.size = owner.size;
    this.#memory.isComplete = owner.isComplete;
    return pages;
  }

  async #answer(
    request: CloneRequest,
    signal: AbortSignal,
  ): Promise<{ answer: CloneAnswer; transfer?: readonly ArrayBuffer[] }> {
    const { owner } = this.#options;
    switch (request.kind) {
      case "read":
        return this.#read(request, signal);
      case "write":
        return this.#change(() => this.#write(request.offset, request.bytes, signal));
      case "truncate":
        return this.#change(() => this.#truncate(request.size));
      case "sync":
        return this.#change(() => owner.flush());
      case "at":
        return this.#told(request, signal);
      case "file":
        return { answer: this.#localFile() };
    }
  }

  async #read(
    { offset, length, run }: CloneRequest & { readonly kind: "read" },
    signal: AbortSignal,
  ): Promise<{ answer: Uint8Array; transfer: readonly ArrayBuffer[] }> {
    const { owner, failed, timeoutMs } = this.#options;
    try {
      const read = (limited: AbortSignal) => owner.read(offset, length, limited);
      const bytes = await withTimeLimit(read, timeoutMs, signal);
      this.#readAhead({ offset, length, run, bytes });
      return { answer: bytes, transfer: [bytes.buffer as ArrayBuffer] };
    } catch (error) {
      failed(error);
      throw error;
    }
  }

  async #told(
    { offset, length, run, mayBeInterior }: CloneRequest & { readonly kind: "at" },
    signal: AbortSignal,
  ): Promise<{ answer: undefined }> {
    const { owner } = this.#options;
    const bytes = mayBeInterior ? await owner.read(offset, length, signal) : undefined;
    this.#readAhead({ offset, length, run, bytes });
    return { answer: undefined };
  }

  #readAhead(place: ScanPlace): void {
    const next = this.#scans?.at(place, this.#pages) ?? [];
    if (next.length > 0) this.#options.owner.prefetch(next);
  }

  /** One after the other, also where who asked for it has stopped waiting. */
  async #change(work: () => Promise<void>): Promise<{ answer: undefined }> {
    const changed = this.#changes.then(work);
    this.#changes = changed.catch(() => {});
    await changed;
    return { answer: undefined };
  }

  async #write(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { owner } = this.#options;
    const end = offset + bytes.length;
    if (end > owner.size) await owner.resize(end);
    await owner.write(offset, bytes, signal);
    this.#memory.size = owner.size;
  }

  async #truncate(size: number): Promise<void> {
    const { owner } = this.#options;
    await owner.resize(size);
    this.#memory.size = size;
    // What is written there again is nobody's but ours.
    const { regionSize } = owner;
    const from = Math.ceil(size / regionSize) * regionSize;
    const end = this.#pages.regionCount * regionSize;
    if (from < end) this.#pages.add(from, end - from);
  }

  #localFile(): LocalFile {
    const { owner } = this.#options;
    const { memory: localPages, regionCount } = this.#pages;
    return { paths: owner.paths, regionSize: owner.regionSize, regionCount, localPages };
  }
}
