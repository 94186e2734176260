/** What is written over others: where numbers end. */
const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Changes LTX files in the ways in which disks, networks and enemies do. */
export class Changes {
  readonly #random: (count: number) => number;

  constructor(random: (count: number) => number) {
    this.#random = random;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }

  /**
   * A copy of a file with one to three changes.
   *
   * @param others files of which parts may come into it.
   */
  changed(file: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    let bytes: Uint8Array = file.slice();
    for (let changes = 1 + this.#random(3); changes > 0 && bytes.length > 0; changes -= 1) {
      bytes = this.#change(bytes, others);
    }
    return bytes;
  }

  /** One change, made in place where it can be. */
  #change(bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    const random = this.#random;
    // The parts that say where others are get half of the changes.
    const ends = [random(100), bytes.length - 1 - random(60)];
    const place = random(2) === 0 ? this.pick(ends) : random(bytes.length);
    const at = Math.max(0, Math.min(bytes.length - 1, place));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const kind = random(8);
    if (kind <= 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    else if (kind === 2) bytes[at] = this.pick(NUMBERS);
    else if (kind === 3 && at + 4 <= bytes.length) view.setUint32(at, this.pick(NUMBERS));
    else if (kind === 4) return bytes.slice(0, at);
    else if (kind === 5) {
      const part = this.pick(others).subarray(at, at + random(bytes.length - at));
      bytes.set(part.subarray(0, bytes.length - at), at);
    } else if (kind === 6) bytes.copyWithin(at, random(bytes.length), bytes.length);
    else {
      const removed = random(12);
      return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + removed)]);
    }
    return bytes;
  }
}
