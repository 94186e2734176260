import type { EventEmitter } from "node:events";
import type { ByteRange, RequestClass } from "./device.ts";
import type { Engine } from "./engine.ts";
import type { HeadwaterError } from "./errors.ts";
import type { Run } from "./region-map.ts";
import type { CloneEvents, HydrationState } from "./status.ts";

/** Tells the users of a clone what happens. */
export class Announcer {
  readonly #emitter: EventEmitter<CloneEvents>;
  readonly #engine: () => Engine;

  constructor(emitter: EventEmitter<CloneEvents>, engine: () => Engine) {
    this.#emitter = emitter;
    this.#engine = engine;
  }

  /** Not before who opens the clone, and has it in a moment, could begin to listen. */
  opened(): void {
    const { copy, behavior, closing } = this.#engine();
    if (copy.advanced === undefined) return;
    void behavior.clock.sleep(0, closing).then(
      () => this.advanced(),
      () => {}, // closed before
    );
  }

  advanced(): void {
    const { advanced } = this.#engine().copy;
    if (advanced !== undefined) this.#emitter.emit("advanced", advanced);
  }

  /** Regions have become local. Returns how many bytes they are. */
  landed(run: Run, by: RequestClass | "write" | "zeros"): number {
    const { geometry } = this.#engine();
    const offset = geometry.offsetOf(run.first);
    const length = geometry.lengthOf(run.first, run.end);
    const isFetched = by === "demand" || by === "background";
    this.#emitter.emit("local", { offset, length });
    if (isFetched) this.#emitter.emit("landed", { offset, length, class: by });
    return length;
  }

  /** @param state any but `stalled`. */
  changed(state: HydrationState, error: HeadwaterError | undefined): void {
    if (state === "complete") this.#emitter.emit("hydrated");
    else if (state === "paused") this.#emitter.emit("paused", error);
    else if (state === "running") this.#emitter.emit("resumed");
  }

  stalled(error: HeadwaterError): void {
    this.#emitter.emit("stalled", error);
  }

  quarantined(range: ByteRange, error: HeadwaterError): void {
    this.#emitter.emit("quarantined", { ...range, error });
  }

  mode(mode: "read-only" | "failed"): void {
    this.#emitter.emit("mode", mode);
  }
}
