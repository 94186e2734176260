import type { EventEmitter } from "node:events";
import { Access } from "./access.ts";
import type { CloneOptions } from "./clone-options.ts";
import type {
  ByteRange,
  DestinationDevice,
  RequestClass,
  SourceDevice,
  SourceOpener,
} from "./device.ts";
import { type Engine, type EngineEvents, replaceSource } from "./engine.ts";
import { HeadwaterError } from "./errors.ts";
import type { Run } from "./region-map.ts";
import type { CloneEvents, HydrationState } from "./status.ts";
import { believedMap } from "./stored-copy.ts";

/**
 * What a clone goes through as a whole: suspensions, other sources, lesser modes, its end; and what
 * its users are told of it.
 */
export class Lifecycle implements EngineEvents {
  readonly access: Access = new Access();
  readonly #engine: Engine;
  readonly #options: CloneOptions;
  readonly #emitter: EventEmitter<CloneEvents>;
  /** To be closed by us when it is no longer needed. */
  #ownSource: SourceDevice | undefined;
  #isHandedOver = false;
  #closing: Promise<void> | undefined;
  /** Whether the stored map can be believed is being found out. Never rejects. */
  #doubt: Promise<void> = Promise.resolve();

  constructor(engine: Engine, options: CloneOptions, emitter: EventEmitter<CloneEvents>) {
    this.#engine = engine;
    this.#options = options;
    this.#emitter = emitter;
    this.#ownSource = options.ownsSource ? options.source : undefined;
  }

  /** Returns what ends this suspension. */
  async suspend(): Promise<() => void> {
    this.access.check("read");
    const { hydration, fetcher, committer } = this.#engine;
    hydration.hold();
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.access.reopen();
      hydration.release();
    };
    try {
      await this.access.suspend();
      await fetcher?.idle();
      await hydration.finished();
      if (this.access.mode === "read-write") await committer.flush();
      this.access.check("read");
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  async reconnect(to: SourceDevice | SourceOpener, signal: AbortSignal | undefined): Promise<void> {
    this.access.check("read");
    const replaced = await replaceSource(this.#engine, to, signal);
    if (replaced === undefined) return; // it needs none
    const before = this.#ownSource;
    this.#ownSource = replaced.isOurs ? replaced.device : undefined;
    await before?.close();
    if (this.#closing !== undefined) await this.releaseSource();
  }

  async handOver(): Promise<DestinationDevice> {
    await this.#engine.hydration.hydrated();
    this.access.check("write");
    await this.access.suspend();
    try {
      await this.#engine.committer.settle();
    } catch (error) {
      this.access.reopen();
      throw error;
    }
    this.#isHandedOver = true;
    await this.#stop(new HeadwaterError("CLOSED", "the destination was handed over"));
    return this.#options.destination;
  }

  landed(run: Run, by: RequestClass | "write" | "zeros"): void {
    const { geometry, hydration } = this.#engine;
    const offset = geometry.offsetOf(run.first);
    const length = geometry.lengthOf(run.first, run.end);
    const isFetched = by === "demand" || by === "background";
    if (isFetched) this.#emitter.emit("landed", { offset, length, class: by });
    hydration.landed(length);
  }

  changed(state: HydrationState, error: HeadwaterError | undefined): void {
    if (state === "complete") void this.releaseSource();
    if (state === "complete") this.#emitter.emit("hydrated");
    else if (state === "paused") this.#emitter.emit("paused", error);
    else if (state === "running") this.#emitter.emit("resumed");
    else if (state === "stalled" && error !== undefined) this.#emitter.emit("stalled", error);
  }

  quarantined(range: ByteRange, error: HeadwaterError): void {
    this.#emitter.emit("quarantined", { ...range, error });
  }

  /** What failed to become durable cannot be made so by trying again: nobody knows what is lost. */
  commitFailed(error: HeadwaterError): void {
    if (this.access.mode !== "read-write" || error.code === "DESTINATION_FULL") return;
    this.#degrade("read-only", error);
    this.#engine.hydration.gaveUp({ error, reaction: "stall" });
    const { mapStore } = this.#options;
    if (mapStore === undefined) return;
    this.#doubt = believedMap(mapStore).then(
      () => {},
      (cause: HeadwaterError) => this.#degrade("failed", cause),
    );
  }

  async releaseSource(): Promise<void> {
    const source = this.#ownSource;
    this.#ownSource = undefined;
    await source?.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#stop(new HeadwaterError("CLOSED", "the clone is closed"));
      const isDue = this.access.mode === "read-write" && !this.#isHandedOver;
      if (isDue) await this.#engine.committer.settle();
    } finally {
      await this.#doubt;
      await this.releaseSource();
      await this.#options.closed?.();
    }
  }

  async #stop(error: HeadwaterError): Promise<void> {
    this.access.close(error);
    await this.#engine.stop(error);
    await this.access.idle(); // what was let in before goes on to its end
  }

  #degrade(mode: "read-only" | "failed", error: HeadwaterError): void {
    this.access.degrade(mode, error);
    this.#emitter.emit("mode", mode);
  }
}
