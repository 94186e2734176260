/** One write, or a discard: then the bytes are zeros. */
export interface Change {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** When it began and ended, in moments of the truth. */
  readonly begun: number;
  ended: number;
  /** Whether it surely happened: one that failed may have happened, in part or not at all. */
  isSure: boolean;
  /** Whether it survives a crash. */
  isDurable: boolean;
}

/** The range cut wherever a change begins or ends: in each part the same changes matter. */
export function parts(
  changes: readonly Change[],
  offset: number,
  length: number,
): readonly (readonly [number, number])[] {
  const cuts = new Set([offset, offset + length]);
  for (const change of changes) {
    for (const cut of [change.offset, change.offset + change.bytes.length]) {
      if (offset < cut && cut < offset + length) cuts.add(cut);
    }
  }
  const sorted = [...cuts].sort((one, other) => one - other);
  return sorted.slice(1).map((cut, index) => [sorted[index] as number, cut]);
}

export function overlaps(change: Change, offset: number, length: number): boolean {
  return change.offset < offset + length && offset < change.offset + change.bytes.length;
}

export function byteOf(change: Change, at: number): number | undefined {
  return change.bytes[at - change.offset];
}

export function covers(one: Change, other: Change): boolean {
  const end = other.offset + other.bytes.length;
  return one.offset <= other.offset && end <= one.offset + one.bytes.length;
}
