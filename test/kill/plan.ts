import { patternBytes } from "../../adapters/testing/index.ts";

/** What one process is told to do until it is killed. */
export interface Life {
  readonly url: string;
  readonly path: string;
  readonly size: number;
  /** Each life writes in a place of its own. */
  readonly number: number;
}

const LENGTH = 5000;

/** What a life writes, and where: across the ends of regions and sectors. */
export function writeOf({ number, size }: Pick<Life, "number" | "size">): {
  offset: number;
  bytes: Uint8Array;
} {
  const places = Math.floor(size / (2 * LENGTH));
  // Neighbours in time are far apart in the blob, so that most places are not hydrated yet.
  const place = (number * 7919) % places;
  return { offset: place * 2 * LENGTH + 300, bytes: patternBytes(LENGTH, number + 1) };
}
