import type { MapSlot, MapStore } from "../../lib/index.ts";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import type { Random } from "./random.ts";
import { delayOf, type Scene, type Temper } from "./scene.ts";

/** Two slots. One that is being saved is torn by a crash, and may be by a failure. */
export class SimulatedMapStore implements MapStore {
  underWay = 0;
  /** Why it must not be used now, if so. */
  forbidden: string | undefined;
  faults: number;
  readonly #slots: [Uint8Array, Uint8Array];
  readonly #temper: Temper;
  readonly #scene: Scene;
  readonly #random: Random;
  #saving: { readonly slot: MapSlot; readonly bytes: Uint8Array } | undefined;

  constructor(
    slots: readonly [Uint8Array, Uint8Array],
    temper: Temper,
    scene: Scene,
    random: Random,
  ) {
    this.#slots = [slots[0], slots[1]];
    this.#temper = temper;
    this.#scene = scene;
    this.#random = random;
    this.faults = temper.faults;
  }

  async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    await this.#operation("load", 0, () => {});
    return [this.#slots[0].slice(), this.#slots[1].slice()];
  }

  async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    if (this.#saving !== undefined) this.#scene.report("two maps are saved at the same time");
    this.#saving = { slot, bytes: bytes.slice() };
    try {
      await this.#operation("save", slot, () => {
        this.#slots[slot] = over(this.#slots[slot], bytes, () => true);
      });
    } catch (error) {
      if (this.#random.chance(0.5)) this.#tear(this.#random);
      throw error;
    } finally {
      this.#saving = undefined;
    }
  }

  async close(): Promise<void> {
    this.#scene.report("the clone closed a map store that is not its own");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whether one of the slots holds this text. */
  holds(text: string): boolean {
    return this.#slots.some((slot) => Buffer.from(slot).includes(text));
  }

  /** What is found afterwards. */
  survivor(random: Random): readonly [Uint8Array, Uint8Array] {
    this.#tear(random);
    return this.#slots;
  }

  #tear(random: Random): void {
    if (this.#saving === undefined) return;
    const { slot, bytes } = this.#saving;
    this.#slots[slot] = over(this.#slots[slot], bytes, () => random.chance(0.5));
  }

  async #operation(what: string, slot: number, act: () => void): Promise<void> {
    const { timeline, log } = this.#scene;
    log.note(timeline.now(), `map store: ${what} % begins`, slot);
    if (this.forbidden !== undefined) this.#scene.report(`${what} ${this.forbidden}`);
    this.underWay += 1;
    try {
      await timeline.sleep(delayOf(this.#temper, this.#random));
      if (this.#random.chance(this.faults)) {
        log.note(timeline.now(), `map store: ${what} % fails`, slot);
        throw new Error(`the map store cannot ${what} slot ${slot}`);
      }
      act();
      log.note(timeline.now(), `map store: ${what} % done`, slot);
    } finally {
      this.underWay -= 1;
    }
  }
}

/** The old content with the sectors of the new one that were written. */
function over(old: Uint8Array, bytes: Uint8Array, isWritten: () => boolean): Uint8Array {
  const content = new Uint8Array(Math.max(old.length, bytes.length));
  content.set(old);
  for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
    if (isWritten()) content.set(bytes.subarray(at, at + SECTOR_SIZE), at);
  }
  return content;
}
