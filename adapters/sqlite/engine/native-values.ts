import type { SqlValue } from "../between/values.ts";

/** A value of a native driver as ours: a number where that is exact, and no `Buffer`. */
export function ourValue(value: unknown, safeIntegers: boolean): SqlValue {
  if (typeof value === "bigint") return safeIntegers ? value : inNumber(value);
  return value instanceof Uint8Array ? plainBytes(value) : (value as SqlValue);
}

/** The same for a row, in place. */
export function ourValues(row: unknown[], safeIntegers: boolean): SqlValue[] {
  for (let index = 0; index < row.length; index += 1) {
    const value = row[index];
    if (typeof value === "bigint") {
      if (!safeIntegers) row[index] = inNumber(value);
    } else if (typeof value === "object" && value !== null) {
      row[index] = plainBytes(value as Uint8Array);
    }
  }
  return row as SqlValue[];
}

/** A number, or itself where a number would be another one. */
export function inNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function plainBytes(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  const isWhole = byteLength === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(bytes);
}
