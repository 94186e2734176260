import type { Random } from "./random.ts";

export interface Place {
  readonly offset: number;
  readonly length: number;
}

/**
 * Whole regions, ends of regions, the short tail: where mistakes live.
 *
 * @param focus where somebody was last, and from now on is.
 */
export function placeIn(
  { size, regionSize }: { size: number; regionSize: number },
  focus: { offset: number },
  random: Random,
): Place {
  // Often where somebody was just now: who never meets has no conflicts.
  const near = focus.offset + random.between(-1, 1) * regionSize;
  const isNear = random.chance(0.4);
  const at = isNear ? Math.max(0, Math.min(size - 1, near)) : random.below(size);
  focus.offset = at;
  const aligned = Math.floor(at / regionSize) * regionSize;
  const some = random.between(0, 2 * regionSize);
  const whole = random.between(1, 3) * regionSize;
  const kinds = ["any", "from start", "whole", "whole", "nearly", "sector", "to end"];
  const kind = random.pick(kinds);
  let place = { offset: at, length: some };
  if (kind === "from start") place = { offset: aligned, length: some };
  else if (kind === "whole") place = { offset: aligned, length: whole };
  else if (kind === "nearly") {
    const off = Math.max(0, aligned + random.between(-1, 1));
    place = { offset: off, length: whole + random.between(-1, 1) };
  } else if (kind === "sector") place = { offset: at - (at % 512), length: 512 };
  else if (kind === "to end") place = { offset: aligned, length: size };
  return { ...place, length: Math.min(place.length, size - place.offset) };
}
