import type { Access } from "./access.ts";
import { advancedCopy, changesSince, localBytes, type Version } from "./advance.ts";
import type { Announcer } from "./announcer.ts";
import { loadBitmaps } from "./bitmap.ts";
import type { CloneOptions } from "./clone-options.ts";
import type { SourceDevice, SourceOpener } from "./device.ts";
import {
  beginFetching,
  behaviorOf,
  type Engine,
  type EngineEvents,
  type EngineStart,
  makeEngine,
} from "./engine.ts";
import { HeadwaterError } from "./errors.ts";
import { openSource } from "./replace-source.ts";
import { cutCopy, grow, prepareSize } from "./resize.ts";
import type { StoredCopy } from "./restore-map.ts";

/** With this the waits of a former engine end: they begin again with the new one. */
export const REPLACED_ENGINE: HeadwaterError = new HeadwaterError(
  "SOURCE_CHANGED",
  "the clone has advanced",
);

/** What a clone consists of now. */
export interface Present {
  engine: Engine;
  options: CloneOptions;
  /** To be closed by us when it is no longer needed. */
  ownSource: SourceDevice | undefined;
}

/** What makes another engine of a clone: other versions of its source, and another size. */
export class Versions {
  readonly #present: Present;
  readonly #access: Access;
  readonly #announcer: Announcer;
  readonly #events: EngineEvents;
  readonly #ending = new AbortController();
  /** The last change. Never rejects. */
  #last: Promise<void> = Promise.resolve();

  constructor(present: Present, access: Access, announcer: Announcer, events: EngineEvents) {
    this.#present = present;
    this.#access = access;
    this.#announcer = announcer;
    this.#events = events;
  }

  advance(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    return this.#inTurn(() => this.#advance(to, signal));
  }

  resize(size: number): Promise<void> {
    return this.#inTurn(() => this.#resize(size));
  }

  /** Ends what is under way. Resolves when nothing is. */
  async close(error: HeadwaterError): Promise<void> {
    this.#ending.abort(error);
    await this.#last;
  }

  /** One after the other. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    await done;
  }

  async #advance(to: SourceDevice | SourceOpener, given: AbortSignal | undefined): Promise<void> {
    this.#access.check("write");
    const ending = this.#ending.signal;
    const signal = given === undefined ? ending : AbortSignal.any([given, ending]);
    const { device, isOurs } = await openSource(to, { signal });
    const before = this.#present.ownSource;
    try {
      const isNew = device.identity !== this.#present.engine.copy.identity;
      if (isNew) await this.#switchTo(device, signal);
      else if (device.size !== this.#present.engine.copy.sourceSize) throw this.#foreign(device);
      if (isOurs && !isNew) await device.close();
      if (!isNew) return;
    } catch (error) {
      if (isOurs) await device.close();
      throw error;
    }
    this.#present.ownSource = isOurs ? device : undefined;
    await before?.close();
  }

  /** Readers wait meanwhile; those that were let in begin again, with the new version. */
  async #switchTo(source: SourceDevice, signal: AbortSignal): Promise<void> {
    const from = this.#present.engine;
    const { committer, hydration, destination } = from;
    if (committer.written) throw this.#foreign(source);
    // Before anybody is held: to say it, all that is local may have to be read.
    const local = localBytes(from, destination);
    const changes = await changesSince(source, from.copy.identity, { signal, local });
    const inPlace = await this.#present.options.advancing?.();
    this.#access.hold();
    try {
      await this.#access.idle("write");
      if (committer.written) throw this.#foreign(source);
      const library = await loadBitmaps();
      const isWhole = hydration.state === "complete";
      const putInPlace = isWhole ? await this.#present.options.destination.unfinish?.() : undefined;
      this.#access.check("write");
      await from.stop(REPLACED_ENGINE);
      await this.#access.idle("read");
      await committer.idle();
      const copy = advancedCopy(library, versionOf(from), source, changes);
      this.#present.options = { ...this.#present.options, source };
      this.#takeOver(copy, putInPlace && { putInPlace });
      beginFetching(this.#present.engine, source.opened);
    } finally {
      inPlace?.();
      this.#access.reopen();
    }
    this.#announcer.advanced();
  }

  /** The smaller map is durable before the destination is cut. */
  async #resize(size: number): Promise<void> {
    this.#access.check("write");
    await prepareSize(this.#present.engine, size);
    this.#access.hold();
    try {
      await this.#access.idle("read", "write");
      const from = this.#present.engine;
      await from.hydration.finished();
      this.#access.check("write");
      if (size >= from.geometry.size) await grow(from, size);
      else {
        await from.stop(REPLACED_ENGINE);
        await from.committer.idle();
        this.#takeOver(cutCopy(from, size));
        await this.#present.engine.committer.replaceAll();
        await from.destination.resize(size);
        beginFetching(this.#present.engine, undefined);
      }
      const { committer } = this.#present.engine;
      if (committer.isFinished) await committer.finish();
    } finally {
      this.#access.reopen();
    }
  }

  /** Another engine goes on from where this one was stopped. */
  #takeOver(copy: StoredCopy, start: EngineStart = {}): void {
    const { ledger, hydration } = this.#present.engine;
    const behavior = behaviorOf(this.#present.engine);
    const all = { ...start, ledger };
    this.#present.engine = makeEngine(
      this.#present.options,
      copy,
      behavior,
      () => this.#events,
      all,
    );
    const isPaused = hydration.state === "paused" && hydration.error === undefined;
    if (isPaused) this.#present.engine.hydration.pause();
  }

  #foreign({ identity, size }: SourceDevice): HeadwaterError {
    const { copy, committer } = this.#present.engine;
    const why = committer.written ? ", and holds what was written to it" : "";
    return new HeadwaterError(
      "SOURCE_CHANGED",
      `the copy is of ${copy.identity}${why}; it cannot become one of ${identity}, ${size} bytes`,
    );
  }
}

/** As far as the copy has come, which may be further than what is stored. */
function versionOf({ copy, geometry, map, committer }: Engine): Version {
  return { geometry, map, identity: copy.identity, stored: committer.state };
}
