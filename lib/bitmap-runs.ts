import type { Bitmap } from "./bitmap.ts";

/** Regions side by side, from `first` to before `end`. */
export interface Run {
  readonly first: number;
  readonly end: number;
}

/** The first value from `from` on. */
export function nextIn(bitmap: Bitmap, from: number): number | undefined {
  const before = from === 0 ? 0 : bitmap.rank(from - 1);
  return before < bitmap.size ? bitmap.select(before) : undefined;
}

/** The first value after `first`, which is in the bitmap, that is not; at most `limit`. */
export function runEnd(bitmap: Bitmap, first: number, limit: number): number {
  // Doubles its steps, then halves them: a run of n values takes log n look-ups.
  const all = (end: number): boolean => bitmap.rangeCardinality(first, end) === end - first;
  let good = first + 1;
  let step = 1;
  while (good + step <= limit && all(good + step)) {
    good += step;
    step *= 2;
  }
  for (; step >= 1; step /= 2) {
    if (good + step <= limit && all(good + step)) good += step;
  }
  return good;
}

/** The runs of values below `limit`, in order, each as it is when it is asked for. */
export function* runsOf(bitmap: Bitmap, limit: number): Generator<Run, void, undefined> {
  let first = nextIn(bitmap, 0);
  while (first !== undefined && first < limit) {
    const end = runEnd(bitmap, first, limit);
    yield { first, end };
    first = nextIn(bitmap, end);
  }
}
