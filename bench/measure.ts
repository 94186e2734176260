/** The middle value; the mean of the two in the middle of an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that `percent` of all do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** How long `work` takes, in seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/**
 * Measures both in turns, each going first every other round, after one round that does not count.
 * What slows the machine for a while so slows both.
 */
export async function inTurns(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (let round = -1; round < rounds; round++) {
    const oursFirst = round % 2 === 0;
    const early = oursFirst ? await ours() : await theirs();
    const late = oursFirst ? await theirs() : await ours();
    if (round < 0) continue;
    pairs.push(oursFirst ? { ours: early, theirs: late } : { ours: late, theirs: early });
  }
  return pairs;
}

/** The median of the ratios, round by round. */
export function pairedRatio(pairs: readonly Pair[]): number {
  return median(pairs.map(({ ours, theirs }) => ours / theirs));
}

/** The medians and the paired ratio, as a row wants them. */
export function summary(pairs: readonly Pair[]): Pair & { readonly ratio: number } {
  return {
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    ratio: pairedRatio(pairs),
  };
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
