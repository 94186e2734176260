import type { EventEmitter } from "node:events";
import { Access, type Purpose } from "./access.ts";
import { Announcer } from "./announcer.ts";
import type { CloneOptions } from "./clone-options.ts";
import type {
  ByteRange,
  DestinationDevice,
  RequestClass,
  SourceDevice,
  SourceOpener,
} from "./device.ts";
import type { Engine, EngineEvents } from "./engine.ts";
import { HeadwaterError } from "./errors.ts";
import type { Run } from "./region-map.ts";
import { replaceSource } from "./replace-source.ts";
import { Rest } from "./rest.ts";
import type { CloneEvents, HydrationState } from "./status.ts";
import { believedMap } from "./stored-copy.ts";
import { Succession } from "./succession.ts";
import { suspend } from "./suspend.ts";
import { type Present, REPLACED_ENGINE, Versions } from "./versions.ts";

/**
 * What a clone goes through as a whole: suspensions, other sources, lesser modes, its end; and what
 * its users are told of it.
 */
export class Lifecycle implements EngineEvents {
  readonly access: Access = new Access();
  readonly #present: Present;
  readonly #announcer: Announcer;
  readonly #versions: Versions;
  #isHandedOver = false;
  #closing: Promise<void> | undefined;
  readonly #rest = new Rest();
  readonly #succession: Succession;
  /** Whether the stored map can be believed is being found out. Never rejects. */
  #doubt: Promise<void> = Promise.resolve();

  constructor(engine: Engine, options: CloneOptions, emitter: EventEmitter<CloneEvents>) {
    const ownSource = options.ownsSource ? options.source : undefined;
    this.#present = { engine, options, ownSource };
    this.#announcer = new Announcer(emitter, () => this.engine);
    this.#versions = new Versions(this.#present, this.access, this.#announcer, this);
    this.#succession = new Succession(this, options.autoAdvance ?? true);
    this.#announcer.opened();
  }

  /** That of the version that the clone is of now. */
  get engine(): Engine {
    return this.#present.engine;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Runs `work` when it may be done, again where the clone advanced meanwhile. */
  async run<Result>(
    purpose: Purpose,
    signal: AbortSignal | undefined,
    work: (engine: Engine) => Promise<Result>,
  ): Promise<Result> {
    while (true) {
      let engine = this.engine;
      const begin = (): Promise<Result> => {
        engine = this.engine; // after a suspension
        return work(engine);
      };
      try {
        return await this.access.during(purpose, signal, begin);
      } catch (error) {
        if (error !== REPLACED_ENGINE) await this.#succession.follow(engine, error, signal);
      }
    }
  }

  /** The same for what only waits: no suspension waits for it. */
  async await<Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> {
    while (true) {
      const engine = this.engine;
      try {
        return await work(engine);
      } catch (error) {
        if (error !== REPLACED_ENGINE) await this.#succession.follow(engine, error);
        await this.access.reopened();
      }
    }
  }

  /** Returns what ends this suspension. */
  suspend(): Promise<() => void> {
    const { access } = this;
    return suspend(this.engine, { access, rest: this.#rest, doubt: () => this.#doubt });
  }

  async reconnect(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    this.access.check("read");
    await replaceSource(this.engine, to, signal, ({ device, isOurs }) => {
      const before = this.#present.ownSource;
      this.#present.ownSource = isOurs ? device : undefined;
      return before;
    });
    const isComplete = this.engine.hydration.state === "complete";
    if (this.#closing !== undefined || isComplete) await this.releaseSource();
  }

  advance(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    return this.#versions.advance(to, signal);
  }

  resize(size: number): Promise<void> {
    return this.#versions.resize(size);
  }

  async handOver(): Promise<DestinationDevice> {
    await this.await(({ hydration }) => hydration.hydrated());
    this.access.check("write");
    await this.access.suspend();
    try {
      await this.engine.committer.settle();
    } catch (error) {
      this.access.reopen();
      throw error;
    }
    this.#isHandedOver = true;
    await this.#stop(new HeadwaterError("CLOSED", "the destination was handed over"));
    return this.#present.options.destination;
  }

  landed(run: Run, by: RequestClass | "write" | "zeros"): void {
    this.engine.hydration.landed(this.#announcer.landed(run, by));
  }

  changed(state: HydrationState, error: HeadwaterError | undefined): void {
    if (state === "complete") void this.releaseSource();
    if (state === "stalled" && error !== undefined) this.#stalled(error);
    else this.#announcer.changed(state, error);
  }

  quarantined(range: ByteRange, error: HeadwaterError): void {
    this.#announcer.quarantined(range, error);
  }

  /** What failed to become durable cannot be made so by trying again: nobody knows what is lost. */
  commitFailed(error: HeadwaterError): void {
    if (this.access.mode !== "read-write" || error.code === "DESTINATION_FULL") return;
    this.#degrade("read-only", error);
    this.engine.hydration.gaveUp({ error, reaction: "stall" });
    const { mapStore } = this.#present.options;
    if (mapStore === undefined) return;
    this.#doubt = believedMap(mapStore).then(
      () => {},
      (cause: HeadwaterError) => this.#degrade("failed", cause),
    );
  }

  async releaseSource(): Promise<void> {
    const source = this.#present.ownSource;
    this.#present.ownSource = undefined;
    await source?.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#versions.close(new HeadwaterError("CLOSED", "the clone is closed"));
    try {
      await this.#stop(new HeadwaterError("CLOSED", "the clone is closed"));
      const isDue = this.access.mode === "read-write" && !this.#isHandedOver;
      if (isDue) await this.engine.committer.settle();
    } finally {
      await this.engine.committer.idle(); // of a suspension that began before
      await this.#doubt;
      await this.releaseSource();
      await this.#present.options.closed?.();
    }
  }

  async #stop(error: HeadwaterError): Promise<void> {
    this.access.close(error);
    await this.engine.stop(error);
    await this.access.idle("read", "write"); // what was let in before goes on to its end
  }

  /** Unless it goes on with a later version. */
  #stalled(error: HeadwaterError): void {
    this.#succession.follow(this.engine, error).catch((error: HeadwaterError) => {
      this.#announcer.stalled(error);
    });
  }

  #degrade(mode: "read-only" | "failed", error: HeadwaterError): void {
    this.access.degrade(mode, error);
    this.#announcer.mode(mode);
  }
}
