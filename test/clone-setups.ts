import fc from "fast-check";
import { patternBytes } from "../adapters/testing/index.ts";
import type { CloneOptions } from "../lib/index.ts";
import type { Fault } from "./devices/scripted-source.ts";

export interface Blob {
  readonly regionSize: number;
  readonly original: Uint8Array;
}

export type BlobName = "small" | "large";

export const BLOBS: Readonly<Record<BlobName, Blob>> = {
  small: { regionSize: 4096, original: patternBytes(9 * 4096 + 1000) },
  /** A fetch is so large that it lands in parts. */
  large: { regionSize: 65_536, original: patternBytes(20 * 65_536 + 1000) },
};

export interface Place {
  readonly offset: number;
  readonly length: number;
}

export interface Reading extends Place {
  readonly kind: "read" | "readInto" | "readIntoSync" | "leave";
}

/** What a user does next. Places and lengths are within the size. */
export type Step =
  | Reading
  | (Place & { readonly kind: "write"; readonly seed: number })
  | (Place & { readonly kind: "discard" })
  | (Place & { readonly kind: "hydrate" })
  | { readonly kind: "flush" }
  | { readonly kind: "pause" }
  | { readonly kind: "resume" }
  | { readonly kind: "tick" };

export interface Setup {
  readonly blob: BlobName;
  readonly users: readonly (readonly Step[])[];
  readonly options: Partial<CloneOptions>;
  readonly pieces: readonly number[];
  readonly streams: boolean;
  /** What goes wrong with the first calls of the source. */
  readonly faults: readonly (Fault | undefined)[];
  readonly readsAtOnce: boolean;
}

function placeIn({ regionSize, original }: Blob): fc.Arbitrary<Place> {
  const size = original.length;
  return fc.tuple(fc.nat(size - 1), fc.nat(3 * regionSize), fc.nat(3)).map(([at, most, kind]) => {
    // Whole regions, ends of regions, the short tail: where mistakes live.
    const offset = kind === 0 ? at : Math.floor(at / regionSize) * regionSize;
    const length = kind === 1 ? Math.ceil(most / regionSize) * regionSize : most;
    return { offset, length: kind === 3 ? size - offset : Math.min(length, size - offset) };
  });
}

/** Steps of each kind, as often as their number says. */
function stepsIn(blob: Blob, often: { reading: number; changing: number }): fc.Arbitrary<Step> {
  const place = placeIn(blob);
  const reading = fc
    .tuple(fc.constantFrom("read", "readInto", "readIntoSync", "leave"), place)
    .map(([kind, where]) => ({ kind, ...where }) as Step);
  const steering = fc.oneof(
    fc.constantFrom<Step>(
      { kind: "flush" },
      { kind: "pause" },
      { kind: "resume" },
      { kind: "tick" },
    ),
    place.map((where) => ({ kind: "hydrate", ...where }) as Step),
  );
  const changing = fc.oneof(
    fc.tuple(place, fc.nat(99)).map(([where, seed]) => ({ kind: "write", ...where, seed }) as Step),
    place.map((where) => ({ kind: "discard", ...where }) as Step),
  );
  return fc.oneof(
    { arbitrary: reading, weight: often.reading },
    { arbitrary: changing, weight: often.changing },
    { arbitrary: steering, weight: 1 },
  );
}

const after = fc.nat(8192);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.boolean().map((retryable) => ({ kind: "fails", retryable }) as Fault),
  after.map((after) => ({ kind: "breaks", after }) as Fault),
  after.map((after) => ({ kind: "ends early", after }) as Fault),
);

export interface Kind {
  readonly blob?: BlobName;
  readonly often: { readonly reading: number; readonly changing: number };
  readonly copyOnRead?: boolean;
  readonly maxFaults?: number;
}

export function setups(kind: Kind): fc.Arbitrary<Setup> {
  const { blob = "small", often, copyOnRead = true, maxFaults = 0 } = kind;
  const { regionSize } = BLOBS[blob];
  const step = stepsIn(BLOBS[blob], often);
  return fc.record({
    blob: fc.constant(blob),
    faults: fc.array(fc.option(fault, { nil: undefined }), { maxLength: maxFaults }),
    users: fc.array(fc.array(step, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    options: fc.record({
      hydrationThreshold: fc.integer({ min: 1, max: 40 }),
      hydrationBatchSize: fc.integer({ min: 1, max: 20 }),
      readAround: fc.constantFrom(0, regionSize, 4 * regionSize),
      noHydration: fc.boolean(),
      copyOnRead: fc.constant(copyOnRead),
    }),
    pieces: fc.array(fc.integer({ min: regionSize >> 2, max: 3 * regionSize }), {
      minLength: 1,
      maxLength: 4,
    }),
    streams: fc.boolean(),
    readsAtOnce: fc.boolean(),
  });
}
