/** A place in bytes that reading moves on. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Seven bits a byte, the lowest first. Eight bytes hold more than a whole number can be here. */
const MAX_LENGTH = 8;

/**
 * Reads one number, or returns undefined where there is none: the bytes end, or it is larger than
 * `Number.MAX_SAFE_INTEGER`, or longer than it need be.
 */
export function readUvarint(cursor: Cursor): number | undefined {
  const { bytes, at } = cursor;
  let value = 0;
  for (let index = 0, scale = 1; index < MAX_LENGTH; index++, scale *= 128) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * scale;
    if (byte >= 0x80) continue;
    if ((byte === 0 && index > 0) || !Number.isSafeInteger(value)) return undefined;
    cursor.at = at + index + 1;
    return value;
  }
  return undefined;
}

/** Writes `value` at `at`, and returns where it ends. At most 8 bytes. */
export function appendUvarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[end++] = rest;
  return end;
}
