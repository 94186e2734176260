/** Numbers from 0 to before `count`, the same ones for the same seed. */
export function randomFrom(seed: number): (count: number) => number {
  let state = seed | 0;
  return (count) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
}
