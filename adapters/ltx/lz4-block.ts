/** What a block was that could not be decompressed into its target. */
export const MALFORMED = -1;

const MIN_MATCH = 4;
/** A longer copy is made by the engine, a shorter one byte by byte. */
const LONG_COPY = 24;

/**
 * Decompresses the LZ4 block `source[start, end)` into `target` from `targetStart` on. Nothing
 * outside `target` is written, and nothing before `targetStart` is read, whatever the block says.
 *
 * @returns the bytes written, or `MALFORMED` when the block is broken or holds more than fits.
 */
export function decodeLz4Block(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart = 0,
): number {
  const targetEnd = target.length;
  let from = start;
  let to = targetStart;
  while (from < end) {
    const token = source[from++] as number;

    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= end) return MALFORMED;
        more = source[from++] as number;
        literals += more;
      }
    }
    if (literals > end - from || literals > targetEnd - to) return MALFORMED;
    if (literals > LONG_COPY) {
      target.set(source.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      for (const literalsEnd = to + literals; to < literalsEnd; ) {
        target[to++] = source[from++] as number;
      }
    }
    // The last sequence of a block has only literals.
    if (from === end) return (token & 15) === 0 ? to - targetStart : MALFORMED;

    if (end - from < 2) return MALFORMED;
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8);
    from += 2;
    if (distance === 0 || distance > to - targetStart) return MALFORMED;
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let more = 255;
      while (more === 255) {
        if (from >= end) return MALFORMED;
        more = source[from++] as number;
        length += more;
      }
    }
    if (length > targetEnd - to) return MALFORMED;
    to = copyMatch(target, to, distance, length);
  }
  return MALFORMED;
}

/** Repeats what lies `distance` back. A match may overlap what it makes. */
function copyMatch(target: Uint8Array, start: number, distance: number, length: number): number {
  const end = start + length;
  if (length <= LONG_COPY) {
    for (let to = start; to < end; to++) target[to] = target[to - distance] as number;
    return end;
  }
  if (distance === 1) {
    target.fill(target[start - 1] as number, start, end);
    return end;
  }
  // Each copy doubles what may be copied next without an overlap.
  const from = start - distance;
  for (let to = start; to < end; ) {
    const count = Math.min(to - from, end - to);
    target.copyWithin(to, from, from + count);
    to += count;
  }
  return end;
}
