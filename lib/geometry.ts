import { assert, checkCount } from "./assert.ts";

/** The smallest and the largest region, in bytes: those of dm-clone. */
export const MIN_REGION_SIZE = 4096;
export const MAX_REGION_SIZE: number = 2 ** 30;
export const DEFAULT_REGION_SIZE = 65536;
/** More regions than this do not fit the 32-bit bitmap with room to spare; dm-clone's limit too. */
export const MAX_REGION_COUNT: number = 2 ** 31;

/** Between bytes and regions, the last of which may be short. Nobody else divides by a size. */
export class Geometry {
  readonly regionSize: number;
  #size: number;
  #regionCount: number;
  readonly #shift: number;

  /**
   * @param size in bytes.
   * @param regionSize in bytes: a power of two, 4 KiB to 1 GiB.
   * @throws {RangeError} when the region size is not allowed, or too small for the size.
   */
  constructor(size: number, regionSize: number) {
    checkRegionSize(regionSize);
    this.regionSize = regionSize;
    this.#shift = Math.log2(regionSize);
    this.#regionCount = countRegions(size, regionSize);
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  get regionCount(): number {
    return this.#regionCount;
  }

  /**
   * Makes it larger. Where each region lies stays as it was, but for a short last one.
   *
   * @throws {RangeError} when the region size is too small for that.
   */
  grow(size: number): void {
    assert(size >= this.#size, `a size of ${this.#size} grows to ${size}`);
    this.#regionCount = countRegions(size, this.regionSize);
    this.#size = size;
  }

  /** The region that holds the byte at `offset`. */
  regionAt(offset: number): number {
    // A shift is faster, and right only below 2^31.
    return offset < 2 ** 31 ? offset >>> this.#shift : Math.floor(offset / this.regionSize);
  }

  /** The first region after those that hold bytes before `offset`. */
  regionEnd(offset: number): number {
    return Math.ceil(offset / this.regionSize);
  }

  /** Where the region begins, in bytes. For `regionCount` it is the size. */
  offsetOf(region: number): number {
    return Math.min(region * this.regionSize, this.size);
  }

  /** The bytes in regions `first` to before `end`. */
  lengthOf(first: number, end: number): number {
    return this.offsetOf(end) - this.offsetOf(first);
  }

  /**
   * How much of a range lies inside.
   *
   * @throws {RangeError} when the offset is not a whole number of at least 0.
   */
  clip(offset: number, length: number): number {
    if (!(Number.isSafeInteger(offset) && offset >= 0)) {
      throw new RangeError(`offset is ${offset}; it must be a whole number of at least 0`);
    }
    return Math.max(0, Math.min(length, this.size - offset));
  }

  /** @throws {RangeError} when a part of the range does not lie inside. */
  checkInside(offset: number, length: number): void {
    if (this.clip(offset, checkCount("length", length, 0)) === length) return;
    throw new RangeError(`${length} bytes at ${offset} go past the end at ${this.size}`);
  }

  /** The regions that hold a part of the range, as far as it lies inside. */
  runOf(offset: number, length: number): { first: number; end: number } {
    const first = this.regionAt(offset);
    const inside = this.clip(offset, checkCount("length", length, 0));
    return { first, end: inside > 0 ? this.regionEnd(offset + inside) : first };
  }

  /** The regions of which a range, which lies inside, covers every byte: the short tail too. */
  wholeRun(offset: number, length: number): { first: number; end: number } {
    const end = offset + length;
    const last = end === this.size ? this.regionCount : this.regionAt(end);
    const first = this.regionEnd(offset);
    return { first, end: Math.max(first, last) };
  }

  /** How many regions `bytes` bytes are: rounded up, at least one. */
  regionsIn(bytes: number): number {
    return Math.max(1, Math.ceil(bytes / this.regionSize));
  }
}

function countRegions(size: number, regionSize: number): number {
  const regionCount = Math.ceil(checkCount("size", size, 0) / regionSize);
  if (regionCount <= MAX_REGION_COUNT) return regionCount;
  throw new RangeError(
    `${size} bytes are ${regionCount} regions of ${regionSize}, and at most ` +
      `${MAX_REGION_COUNT} are allowed: take larger regions`,
  );
}

/** @throws {RangeError} when it is not a power of two from 4 KiB to 1 GiB. */
export function checkRegionSize(regionSize: number): void {
  const whole = Number.isSafeInteger(regionSize) && Number.isInteger(Math.log2(regionSize));
  if (!whole || regionSize < MIN_REGION_SIZE || regionSize > MAX_REGION_SIZE) {
    throw new RangeError(
      `regionSize is ${regionSize}; it must be a power of two ` +
        `from ${MIN_REGION_SIZE} to ${MAX_REGION_SIZE}`,
    );
  }
}
