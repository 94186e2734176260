/** What a block was that could not be decompressed into its target. */
export const MALFORMED = -1;

const MIN_MATCH = 4;
/** So many bytes are copied in a step where the memory goes on far enough behind them. */
const STEP = 8;
/** A step takes two words one after the other: a match may overlap what it makes from here on. */
const WORD = 4;
/** More is copied by the engine. */
const LONG_COPY = 256;

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
  const sourceView = new DataView(source.buffer, source.byteOffset, source.length);
  const targetView = new DataView(target.buffer, target.byteOffset, target.length);
  const targetEnd = target.length;
  let from = start;
  let to = targetStart;
  while (from < end) {
    const token = source[from++] as number;
    let literals = token >>> 4;
    for (let more = literals === 15 ? 255 : 0; more === 255; literals += more) {
      if (from >= end) return MALFORMED;
      more = source[from++] as number;
    }
    if (literals > end - from || literals > targetEnd - to) return MALFORMED;
    const literalsEnd = to + literals;
    if (literals > LONG_COPY) {
      target.set(source.subarray(from, from + literals), to);
    } else if (from + literals + STEP <= source.length && literalsEnd + STEP <= targetEnd) {
      copySteps(sourceView, from, targetView, to, literalsEnd);
    } else {
      for (let at = 0; at < literals; at++) target[to + at] = source[from + at] as number;
    }
    from += literals;
    to = literalsEnd;
    // The last sequence of a block has only literals.
    if (from === end) return (token & 15) === 0 ? to - targetStart : MALFORMED;

    if (end - from < 2) return MALFORMED;
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8);
    from += 2;
    if (distance === 0 || distance > to - targetStart) return MALFORMED;
    let length = (token & 15) + MIN_MATCH;
    for (let more = length === 15 + MIN_MATCH ? 255 : 0; more === 255; length += more) {
      if (from >= end) return MALFORMED;
      more = source[from++] as number;
    }
    if (length > targetEnd - to) return MALFORMED;
    const matchEnd = to + length;
    if (distance >= WORD && matchEnd + STEP <= targetEnd && length <= LONG_COPY) {
      copySteps(targetView, to - distance, targetView, to, matchEnd);
    } else {
      repeat(target, distance, to, matchEnd);
    }
    to = matchEnd;
  }
  return MALFORMED;
}

/** Copies from `at` on until `end` is reached, and up to `STEP` - 1 bytes more. */
function copySteps(from: DataView, at: number, to: DataView, start: number, end: number): void {
  for (let source = at, target = start; target < end; source += STEP, target += STEP) {
    to.setInt32(target, from.getInt32(source, true), true);
    to.setInt32(target + WORD, from.getInt32(source + WORD, true), true);
  }
}

/** Fills what lies from `start` to `end` with what lies `distance` before it, byte by byte. */
function repeat(target: Uint8Array, distance: number, start: number, end: number): void {
  if (end - start <= 2 * STEP) {
    for (let at = start; at < end; at++) target[at] = target[at - distance] as number;
    return;
  }
  // Each copy doubles what can be copied next without an overlap.
  const from = start - distance;
  for (let at = start; at < end; ) {
    const count = Math.min(at - from, end - at);
    target.copyWithin(at, from, from + count);
    at += count;
  }
}
