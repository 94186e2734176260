import { fail } from "node:assert/strict";

/** Bytes that differ from their neighbours and from themselves a sector or a region further on. */
export function patternBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 0x9e3779b1) | 1;
  for (let index = 0; index < size; index++) {
    // xorshift32: never zero, and so never mistaken for bytes that were not written.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = (state >>> 24) | 1;
  }
  return bytes;
}

/** Says where the first difference is, instead of printing megabytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length !== expected.length) {
    fail(`${what}: ${actual.length} bytes, not ${expected.length}`);
  }
  const index = actual.findIndex((byte, at) => byte !== expected[at]);
  if (index !== -1) {
    fail(`${what}: byte ${index} is ${actual[index]}, not ${expected[index]}`);
  }
}

/** The pieces in one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
