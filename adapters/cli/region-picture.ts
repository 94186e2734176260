import type { ByteRange, Landed } from "../../lib/index.ts";

/** How most of a cell's bytes came to be here. */
export type CellKind = "empty" | "earlier" | "background" | "demand";

/** One character of the picture: a part of the blob. */
export interface Cell {
  readonly kind: CellKind;
  /** How much of the part is here, 0 to 1. */
  readonly filled: number;
}

/** Dresses a piece of the picture for the terminal, or leaves it as it is. */
export type Paint = (kind: CellKind, text: string) => string;

/** Says how many bytes of a range are here. */
export type HydratedBytesIn = (offset: number, length: number) => number;

/** Enough for the widest terminal; a picture is drawn from these in any width. */
const BIN_COUNT = 1024;

/** Few reads are as large as a cell: this share of them gives the cell their colour. */
const DEMAND_SHARE = 1 / 8;

const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const EMPTY = "·";

/** Remembers why bytes came, in bins of equal size, for a picture of where they are. */
export class RegionPicture {
  readonly #size: number;
  readonly #hydratedBytesIn: HydratedBytesIn;
  readonly #earlier = new Float64Array(BIN_COUNT);
  readonly #demand = new Float64Array(BIN_COUNT);

  /** Takes what is here now as having come earlier. */
  constructor(size: number, hydratedBytesIn: HydratedBytesIn) {
    this.#size = size;
    this.#hydratedBytesIn = hydratedBytesIn;
    for (let bin = 0; bin < BIN_COUNT; bin += 1) {
      const { offset, length } = part(bin, BIN_COUNT, size);
      this.#earlier[bin] = length === 0 ? 0 : hydratedBytesIn(offset, length);
    }
  }

  landed({ offset, length, class: requestClass }: Landed): void {
    if (requestClass !== "demand") return;
    for (const [bin, bytes] of this.#overlaps(offset, length)) {
      this.#demand[bin] = (this.#demand[bin] ?? 0) + bytes;
    }
  }

  /** The blob in so many cells, from its first byte to its last. */
  cells(count: number): Cell[] {
    const shown = Math.min(count, this.#size);
    return Array.from({ length: shown }, (_, cell) => {
      const { offset, length } = part(cell, shown, this.#size);
      const here = this.#hydratedBytesIn(offset, length);
      return { kind: this.#kind(offset, length, here), filled: here / length };
    });
  }

  #kind(offset: number, length: number, here: number): CellKind {
    if (here === 0) return "empty";
    let demand = 0;
    let earlier = 0;
    for (const [bin, bytes] of this.#overlaps(offset, length)) {
      const share = bytes / part(bin, BIN_COUNT, this.#size).length;
      demand += (this.#demand[bin] ?? 0) * share;
      earlier += (this.#earlier[bin] ?? 0) * share;
    }
    if (demand >= here * DEMAND_SHARE) return "demand";
    return earlier >= here / 2 ? "earlier" : "background";
  }

  /** The bins that the range touches, and how many of its bytes lie in each. */
  *#overlaps(offset: number, length: number): Generator<[bin: number, bytes: number]> {
    const end = offset + length;
    const first = Math.max(0, Math.floor((offset / this.#size) * BIN_COUNT) - 1);
    for (let bin = first; bin < BIN_COUNT; bin += 1) {
      const its = part(bin, BIN_COUNT, this.#size);
      if (its.offset >= end) return;
      const bytes = Math.min(end, its.offset + its.length) - Math.max(offset, its.offset);
      if (bytes > 0) yield [bin, bytes];
    }
  }
}

/** Draws cells as block characters, a call of `paint` for each stretch of one kind. */
export function drawCells(cells: readonly Cell[], paint: Paint): string {
  let drawn = "";
  let stretch = "";
  cells.forEach((cell, index) => {
    stretch += character(cell);
    if (cells[index + 1]?.kind === cell.kind) return;
    drawn += paint(cell.kind, stretch);
    stretch = "";
  });
  return drawn;
}

function character({ filled }: Cell): string {
  if (filled === 0) return EMPTY;
  // Rounded down, so that a full block means every byte; and never to nothing.
  return LEVELS[Math.max(0, Math.floor(filled * LEVELS.length) - 1)] ?? EMPTY;
}

/** The parts of a blob cut into `count`: side by side, and together the whole. */
function part(index: number, count: number, size: number): ByteRange {
  const offset = Math.floor((index * size) / count);
  return { offset, length: Math.floor(((index + 1) * size) / count) - offset };
}
