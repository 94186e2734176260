import type { HeadwaterError } from "../../../lib/index.ts";
import type { TextEncoding } from "./database-header.ts";
import { viewOf } from "./page-header.ts";
import { readVarint } from "./varint.ts";

/** What a column holds. An integer that a number does not hold exactly is a bigint. */
export type RecordValue = null | number | bigint | string | Uint8Array;

/** Integers by their serial type, in bytes; 8 and 9 are the numbers 0 and 1. */
const INTEGER_SIZES: readonly number[] = [0, 1, 2, 3, 4, 6, 8];
const FIRST_BLOB_TYPE = 12;

/**
 * Decodes a record: section 2.1 of the file format.
 *
 * @param fail makes the error when the bytes are none.
 * @param count how many columns are wanted at most; the others are not looked at.
 */
export function decodeRecord(
  bytes: Uint8Array,
  encoding: TextEncoding,
  count: number,
  fail: (problem: string) => HeadwaterError,
): RecordValue[] {
  const size = { bytes, at: 0, end: bytes.length };
  const headerSize = readVarint(size);
  if (headerSize === undefined || headerSize < size.at || headerSize > bytes.length) {
    throw fail(`a record of ${bytes.length} bytes with a header of ${headerSize}`);
  }
  const types = { bytes, at: size.at, end: headerSize };
  const values: RecordValue[] = [];
  let at = headerSize;
  while (types.at < types.end && values.length < count) {
    const type = readVarint(types);
    if (type === undefined || type === 10 || type === 11) throw fail(`serial type ${type}`);
    const length = lengthOf(type);
    if (at + length > bytes.length) {
      throw fail(`a column of ${length} bytes at ${at} of a record of ${bytes.length}`);
    }
    values.push(decodeValue(bytes.subarray(at, at + length), type, encoding));
    at += length;
  }
  return values;
}

function lengthOf(type: number): number {
  if (type >= FIRST_BLOB_TYPE) return Math.floor((type - FIRST_BLOB_TYPE) / 2);
  return type === 7 ? 8 : (INTEGER_SIZES[type] ?? 0);
}

function decodeValue(bytes: Uint8Array, type: number, encoding: TextEncoding): RecordValue {
  if (type === 0) return null;
  if (type === 7) return viewOf(bytes).getFloat64(0);
  if (type === 8 || type === 9) return type - 8;
  if (type < FIRST_BLOB_TYPE) return decodeInteger(bytes);
  return type % 2 === 0 ? bytes.slice() : decodeText(bytes, encoding);
}

function decodeInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length === 8) {
    const value = viewOf(bytes).getBigInt64(0);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  let value = viewOf(bytes).getInt8(0); // the sign is in the first byte
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  return value;
}

/** What is no text in its encoding comes with replacement characters; half a unit is left out. */
function decodeText(bytes: Uint8Array, encoding: TextEncoding): string {
  if (encoding === "utf-8") return Buffer.from(bytes).toString("utf8");
  const units = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  return (encoding === "utf-16be" ? units.swap16() : units).toString("utf16le");
}
