import type { ByteRange } from "../../lib/index.ts";
import type { PageIndex } from "./page-index.ts";
import type { LoadedFile } from "./replica-file.ts";

/** Frames that nobody wants are fetched over up to this many bytes: a request costs more. */
export const GAP_SIZE: number = 64 * 2 ** 10;
/** A file of which at most this part is superseded is fetched whole, which lets it be verified. */
const SUPERSEDED_PART = 1 / 8;

/**
 * What is fetched of a file: an extent for each page of which it has the newest frame. Extents are
 * numbered in the order of the file, which is that of the pages.
 *
 * Where little of the file is superseded its extents cover all of its frames: each goes on to
 * before the next page that is wanted. Then the whole file passes, and can be verified.
 */
export class Extents {
  readonly file: LoadedFile;
  /** Whether they cover every frame of the file. */
  readonly areWhole: boolean;
  /** What all extents are together, in bytes, without what lies between them. */
  readonly length: number;
  readonly #index: PageIndex;
  /** The frames, by their place in the index, that are the newest of their page. */
  readonly #live: Uint32Array;

  constructor(file: LoadedFile, live: Uint32Array) {
    this.file = file;
    this.#index = file.index;
    this.#live = live;
    this.areWhole = this.#canBeWhole();
    let length = 0;
    for (let extent = 0; extent < this.count; extent += 1) length += this.rangeOf(extent).length;
    this.length = length;
  }

  get count(): number {
    return this.#live.length;
  }

  /** The first extent of this page or a later one: `count` if there is none. */
  firstFrom(page: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.pageOf(middle) < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  pageOf(extent: number): number {
    return this.#index.pgnos[this.liveFrame(extent)] as number;
  }

  /** The frame that holds the page of an extent. */
  liveFrame(extent: number): number {
    return this.#live[extent] as number;
  }

  /** The frames in an extent: the first, and the one after the last. */
  framesOf(extent: number): { first: number; end: number } {
    const frame = this.liveFrame(extent);
    if (!this.areWhole) return { first: frame, end: frame + 1 };
    const isLast = extent === this.count - 1;
    return {
      first: extent === 0 ? 0 : frame,
      end: isLast ? this.#index.count : this.liveFrame(extent + 1),
    };
  }

  /** Where an extent lies in the file. */
  rangeOf(extent: number): ByteRange {
    const { first, end } = this.framesOf(extent);
    const { offsets, sizes } = this.#index;
    const offset = offsets[first] as number;
    const last = end - 1;
    return { offset, length: (offsets[last] as number) + (sizes[last] as number) - offset };
  }

  #canBeWhole(): boolean {
    const { sizes, count: frames } = this.#index;
    if (this.count === 0) return false;
    let superseded = 0;
    let all = 0;
    let gap = 0;
    let next = 0;
    for (let frame = 0; frame < frames; frame += 1) {
      const size = sizes[frame] as number;
      all += size;
      if (this.#live[next] === frame) {
        next += 1;
        gap = 0;
      } else {
        superseded += size;
        gap += size;
        if (gap > GAP_SIZE) return false;
      }
    }
    return superseded <= all * SUPERSEDED_PART;
  }
}
