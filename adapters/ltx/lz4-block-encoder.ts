const MIN_MATCH = 4;
/** A block ends with so many literals at least, and its last match begins so far before its end. */
const LAST_LITERALS = 5;
const LAST_MATCH = 12;
/** Every so many places without a match, the search takes longer steps. */
const SKIP_SHIFT = 6;
const HASH_BITS = 12;

/** The most bytes that `length` bytes can take as an LZ4 block. */
export function maxLz4BlockSize(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

/** Compresses blocks of up to 64 KiB, one after another. */
export class Lz4BlockEncoder {
  /** Where four bytes with this hash were seen. Any place may stand there: it is compared. */
  readonly #places = new Uint16Array(1 << HASH_BITS);

  /**
   * Writes `source` as a block to `target` from `start` on, where there is room for
   * `maxLz4BlockSize`.
   *
   * @returns where the block ends.
   */
  encode(source: Uint8Array, target: Uint8Array, start: number): number {
    const places = this.#places.fill(0);
    const view = new DataView(source.buffer, source.byteOffset, source.length);
    const matchEnd = source.length - LAST_LITERALS;
    const searchEnd = source.length - LAST_MATCH;
    let to = start;
    let literals = 0;
    let at = 1;
    let misses = 1 << SKIP_SHIFT;
    while (at <= searchEnd) {
      const word = view.getInt32(at, true);
      const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      let match = places[hash] as number;
      places[hash] = at;
      if (view.getInt32(match, true) !== word || match >= at) {
        at += misses++ >>> SKIP_SHIFT;
        continue;
      }
      misses = 1 << SKIP_SHIFT;
      while (at > literals && match > 0 && source[at - 1] === source[match - 1]) {
        at -= 1;
        match -= 1;
      }
      const distance = at - match;
      let end = at + MIN_MATCH;
      while (end < matchEnd && source[end] === source[end - distance]) end += 1;
      to = writeLiterals(source, literals, at, target, to, end - at - MIN_MATCH);
      target[to++] = distance;
      target[to++] = distance >>> 8;
      to = writeLength(target, to, end - at - MIN_MATCH);
      at = end;
      literals = end;
      if (at <= searchEnd) {
        const hashBefore = Math.imul(view.getInt32(at - 2, true), 0x9e3779b1);
        places[hashBefore >>> (32 - HASH_BITS)] = at - 2;
      }
    }
    return writeLiterals(source, literals, source.length, target, to, 0);
  }
}

/** The token, and the bytes that no match made. */
function writeLiterals(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  matchLength: number,
): number {
  const count = end - start;
  target[at] = (Math.min(count, 15) << 4) | Math.min(matchLength, 15);
  const to = writeLength(target, at + 1, count);
  if (count > 32) {
    target.set(source.subarray(start, end), to);
  } else {
    for (let index = 0; index < count; index++)
      target[to + index] = source[start + index] as number;
  }
  return to + count;
}

/** What of a length does not fit the token's four bits. */
function writeLength(target: Uint8Array, at: number, length: number): number {
  if (length < 15) return at;
  let to = at;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) target[to++] = 255;
  target[to++] = rest;
  return to;
}
