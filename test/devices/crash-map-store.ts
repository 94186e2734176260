import type { MapSlot, MapStore } from "../../lib/index.ts";
import type { Power } from "./power.ts";
import { SectorVersions } from "./sector-versions.ts";

/** Two slots that lose their power: one that was being saved may be torn at 512 bytes. */
export class CrashMapStore implements MapStore {
  readonly #slots: [Uint8Array, Uint8Array];
  readonly #power: Power;
  readonly #pause: () => Promise<unknown>;
  #onItsWay: { slot: MapSlot; bytes: Uint8Array } | undefined;
  /** Saves that were whole and acknowledged. */
  saves = 0;

  constructor(
    slots: readonly [Uint8Array, Uint8Array],
    power: Power,
    pause: () => Promise<unknown>,
  ) {
    this.#slots = [slots[0].slice(), slots[1].slice()];
    this.#power = power;
    this.#pause = pause;
  }

  async load(): Promise<readonly [Uint8Array, Uint8Array]> {
    return [this.#slots[0].slice(), this.#slots[1].slice()];
  }

  async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
    this.#power.step();
    const saved = bytes.slice();
    this.#onItsWay = { slot, bytes: saved };
    await this.#pause();
    this.#power.step(); // without power it stays on its way
    this.#slots[slot] = grown(saved, this.#slots[slot]);
    this.#onItsWay = undefined;
    this.saves += 1;
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is found when the power is back. */
  survivor(random: (count: number) => number): readonly [Uint8Array, Uint8Array] {
    const slots: [Uint8Array, Uint8Array] = [this.#slots[0].slice(), this.#slots[1].slice()];
    if (this.#onItsWay === undefined) return slots;
    const { slot, bytes } = this.#onItsWay;
    const room = new Uint8Array(Math.max(slots[slot].length, bytes.length));
    const versions = new SectorVersions(grown(slots[slot], room));
    versions.write(0, bytes);
    slots[slot] = versions.survivor(random);
    return slots;
  }
}

/** The bytes, and behind them what a longer slot held before. */
function grown(bytes: Uint8Array, slot: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.max(bytes.length, slot.length));
  whole.set(slot);
  whole.set(bytes);
  return whole;
}
