import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { byteOf, type Change, overlaps, parts } from "./change.ts";

/** More changes of one sector that may or may not be there than this are not told apart. */
const MOST_DOUBTS = 12;

/**
 * The offset of the first sector that holds what no crash can have left there, if any. A sector
 * is written at once: it holds some of its changes, in an order in which they can have happened.
 * Those that are durable are among them; and with each of them all that had ended before it began.
 *
 * @param simple what is there when all of the changes happened, in the order in which they began.
 */
export function firstImpossibleSector(
  changes: readonly Change[],
  found: Uint8Array,
  simple: Uint8Array,
): number | undefined {
  for (let at = 0; at < found.length; at += SECTOR_SIZE) {
    const end = Math.min(at + SECTOR_SIZE, found.length);
    const isSimple = Buffer.compare(found.subarray(at, end), simple.subarray(at, end)) === 0;
    if (!isSimple && !isPossible(changes, found, at, end - at)) return at;
  }
  return undefined;
}

function isPossible(
  changes: readonly Change[],
  found: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const relevant = changes.filter((change) => overlaps(change, offset, length));
  const ranges = parts(relevant, offset, length);
  /** For each part, which changes would leave there what was found. */
  const matches = ranges.map(([from, to]) =>
    relevant.map((change) => {
      if (!overlaps(change, from, 1)) return undefined;
      for (let at = from; at < to; at += 1) {
        if (byteOf(change, at) !== found[at]) return false;
      }
      return true;
    }),
  );
  const seen = new Set<string>();
  const search = (happened: readonly number[]): boolean => {
    const key = happened.join();
    if (seen.has(key)) return false;
    seen.add(key);
    if (explains(relevant, matches, happened)) return true;
    return happened.some((index) => {
      const change = relevant[index] as Change;
      const isLast = happened.every((other) => (relevant[other] as Change).begun < change.ended);
      // One that failed may never have begun, whatever came after it.
      if (change.isDurable || (change.isSure && !isLast)) return false;
      return search(happened.filter((other) => other !== index));
    });
  };
  const doubts = relevant.filter(({ isDurable }) => !isDurable).length;
  if (doubts > MOST_DOUBTS) {
    return matches.every((part) => part.includes(true));
  }
  return search(relevant.map((_, index) => index));
}

/**
 * Whether these changes, all of them, in some order in which they can have happened, leave what
 * was found. Taken away from the last to the first: one whose visible parts match can always go.
 */
function explains(
  relevant: readonly Change[],
  matches: readonly (readonly (boolean | undefined)[])[],
  happened: readonly number[],
): boolean {
  const explained = matches.map(() => false);
  let left = [...happened];
  while (left.length > 0) {
    const next = left.find((index) => {
      const change = relevant[index] as Change;
      const isLast = left.every((other) => (relevant[other] as Change).begun < change.ended);
      return isLast && matches.every((part, at) => explained[at] || part[index] !== false);
    });
    if (next === undefined) return false;
    for (const [at, part] of matches.entries()) if (part[next] === true) explained[at] = true;
    left = left.filter((index) => index !== next);
  }
  return explained.every((isExplained) => isExplained);
}
