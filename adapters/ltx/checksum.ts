/** Set in every checksum that an LTX file stores, so that none is 0. */
export const CHECKSUM_FLAG: bigint = 1n << 63n;

/** Below this a byte at a time is quicker than making a view. */
const SHORT = 16;

/**
 * CRC-64/ISO over whatever it is given, in order.
 *
 * The polynomial is x^64 + x^4 + x^3 + x + 1: what 32 bits contribute is their product with four
 * terms, so a word is folded in with a few shifts and no table. The state is two 32-bit halves.
 */
export class Crc64 {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    const wordsEnd = end - start < SHORT ? start : end - ((end - start) & 3);
    if (wordsEnd > start) this.#updateWords(bytes, start, wordsEnd);
    let low = this.#low;
    let high = this.#high;
    for (let at = wordsEnd; at < end; at++) {
      const byte = (low ^ (bytes[at] as number)) & 0xff;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ (byte << 24) ^ (byte << 23) ^ (byte << 21) ^ (byte << 20);
    }
    this.#low = low;
    this.#high = high;
    return this;
  }

  /** As it is stored in LTX files: with `CHECKSUM_FLAG`. */
  get checksum(): bigint {
    return CHECKSUM_FLAG | this.value;
  }

  /** The plain CRC of what was given so far. */
  get value(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
  }

  #updateWords(bytes: Uint8Array, start: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let low = this.#low;
    let high = this.#high;
    for (let at = start; at < end; at += 4) {
      const word = low ^ view.getInt32(at, true);
      low = high ^ (word << 31) ^ (word << 29) ^ (word << 28);
      high = word ^ (word >>> 1) ^ (word >>> 3) ^ (word >>> 4);
    }
    this.#low = low;
    this.#high = high;
  }
}

/** The checksum of one page of a database: over its number and its bytes. */
export function pageChecksum(pgno: number, page: Uint8Array): bigint {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, pgno);
  return new Crc64().update(number).update(page).checksum;
}

/**
 * Adds a page to the checksum of a database, or takes it away again: the exclusive or of the
 * checksums of all pages but the lock page, in any order. That of an empty database is
 * `CHECKSUM_FLAG`.
 */
export function toggledChecksum(database: bigint, page: bigint): bigint {
  return CHECKSUM_FLAG | (database ^ page);
}

/** Sixteen hexadecimal digits. */
export function formatChecksum(checksum: bigint): string {
  return checksum.toString(16).padStart(16, "0");
}
