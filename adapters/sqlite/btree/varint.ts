/** A place in bytes that moves on as they are read. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** Where the bytes end that may be read. */
  readonly end: number;
}

/**
 * Reads the variable-length integer at the cursor, and moves behind it: seven bits a byte, the
 * highest first, and all eight of a ninth byte (section 1.6 of the file format). What is read here
 * are sizes and types, which are never negative: a negative one comes as the large number that it
 * is without its sign, inexact as every number beyond 2^53.
 *
 * @returns undefined when it is not whole by the end.
 */
export function readVarint(cursor: Cursor): number | undefined {
  const { bytes, at, end } = cursor;
  let value = 0;
  for (let index = 0; index < 9 && at + index < end; index += 1) {
    const byte = bytes[at + index] as number;
    const isLast = byte < 128 || index === 8;
    value = index === 8 ? value * 256 + byte : value * 128 + (byte & 127);
    if (!isLast) continue;
    cursor.at = at + index + 1;
    return value;
  }
  return undefined;
}
