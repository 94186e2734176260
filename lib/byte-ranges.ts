import type { ByteRange } from "./device.ts";

/**
 * The same bytes in ranges that lie apart: those with at most `gap` bytes between them are one, at the
 * place of the first of them. Empty ones are left out.
 */
export function joinRanges(ranges: readonly ByteRange[], gap = 0): ByteRange[] {
  const byOffset = ranges
    .map(({ offset, length }, place) => ({ offset, end: offset + length, place }))
    .filter(({ offset, end }) => end > offset)
    .sort((one, other) => one.offset - other.offset);
  const joined: typeof byOffset = [];
  for (const range of byOffset) {
    const last = joined.at(-1);
    if (last === undefined || range.offset - last.end > gap) {
      joined.push(range);
      continue;
    }
    last.end = Math.max(last.end, range.end);
    last.place = Math.min(last.place, range.place);
  }
  joined.sort((one, other) => one.place - other.place);
  return joined.map(({ offset, end }) => ({ offset, length: end - offset }));
}
