export const SECTOR_SIZE = 512;

interface Version {
  readonly order: number;
  readonly bytes: Uint8Array;
}

/**
 * What each sector of a disk may hold when the power fails: what was durable last, or anything that
 * was written there since. A sector is never torn; a write of several is.
 */
export class SectorVersions {
  readonly #durable: Uint8Array;
  readonly #current: Uint8Array;
  readonly #later = new Map<number, Version[]>();
  #order = 0;
  #lost = 0;

  constructor(content: Uint8Array) {
    this.#durable = content.slice();
    this.#current = content.slice();
  }

  /** What a read sees. */
  get current(): Uint8Array {
    return this.#current;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#order += 1;
    this.#current.set(bytes, offset);
    const last = Math.floor((offset + bytes.length - 1) / SECTOR_SIZE);
    for (let sector = Math.floor(offset / SECTOR_SIZE); sector <= last; sector += 1) {
      const versions = this.#later.get(sector) ?? [];
      versions.push({ order: this.#order, bytes: sectorOf(this.#current, sector).slice() });
      this.#later.set(sector, versions);
    }
  }

  /** Whatever was there: from here on a part of the disk holds zeros, in every version. */
  zero(offset: number, length: number): void {
    const end = offset + length;
    this.#durable.fill(0, offset, end);
    this.#current.fill(0, offset, end);
    for (const [sector, versions] of this.#later) {
      const start = sector * SECTOR_SIZE;
      if (start >= end || start + SECTOR_SIZE <= offset) continue;
      for (const { bytes } of versions) bytes.fill(0, Math.max(0, offset - start), end - start);
    }
  }

  /** Names this moment for `settle`. */
  mark(): number {
    return this.#order;
  }

  /** What was written before the mark is durable, or what was written over it. */
  settle(mark: number): void {
    for (const [sector, versions] of this.#later) {
      const settled = versions.filter(({ order }) => order <= mark && order > this.#lost).at(-1);
      if (settled === undefined) continue;
      this.#durable.set(settled.bytes, sector * SECTOR_SIZE);
      const open = versions.filter(({ order }) => order > mark);
      if (open.length === 0) this.#later.delete(sector);
      else this.#later.set(sector, open);
    }
  }

  /**
   * What was written before the mark is never made durable any more, though reads see it: so it is
   * after a flush that failed.
   */
  lose(mark: number): void {
    this.#lost = Math.max(this.#lost, mark);
  }

  /** The offsets of the sectors of which it is not known which version is durable. */
  unsettled(): number[] {
    return [...this.#later.keys()].map((sector) => sector * SECTOR_SIZE);
  }

  /**
   * Takes what was found in a sector after a crash for what it durably holds. False, and nothing
   * else, when it cannot hold that.
   */
  resolve(offset: number, found: Uint8Array): boolean {
    const sector = Math.floor(offset / SECTOR_SIZE);
    if (!this.#possible(sector).some((version) => areEqual(version, found))) return false;
    this.#durable.set(found, offset);
    this.#current.set(found, offset);
    this.#later.delete(sector);
    return true;
  }

  /** The offset of the first sector that holds what it cannot hold after a crash, if any. */
  firstImpossible(found: Uint8Array): number | undefined {
    for (let sector = 0; sector * SECTOR_SIZE < found.length; sector += 1) {
      const bytes = sectorOf(found, sector);
      const isPossible = this.#possible(sector).some((version) => areEqual(version, bytes));
      if (!isPossible) return sector * SECTOR_SIZE;
    }
    return undefined;
  }

  /** A disk as it may be found after a crash. */
  survivor(random: (count: number) => number): Uint8Array {
    const survivor = this.#durable.slice();
    for (const sector of this.#later.keys()) {
      const possible = this.#possible(sector);
      const chosen = possible[random(possible.length)];
      if (chosen !== undefined) survivor.set(chosen, sector * SECTOR_SIZE);
    }
    return survivor;
  }

  #possible(sector: number): Uint8Array[] {
    const later = this.#later.get(sector) ?? [];
    return [sectorOf(this.#durable, sector), ...later.map(({ bytes }) => bytes)];
  }
}

function sectorOf(bytes: Uint8Array, sector: number): Uint8Array {
  return bytes.subarray(sector * SECTOR_SIZE, (sector + 1) * SECTOR_SIZE);
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
