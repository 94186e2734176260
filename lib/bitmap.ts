import { HeadwaterError } from "./errors.ts";

/** What the region map needs of a roaring bitmap. Ranges are from `first` to before `end`. */
export interface Bitmap {
  readonly size: number;
  has(value: number): boolean;
  addRange(first: number, end: number): void;
  removeRange(first: number, end: number): void;
  /** `intersectsWithRange` would be the name of what we ask, but it errs on run containers. */
  rangeCardinality(first: number, end: number): number;
  /** How many values are at most `value`. */
  rank(value: number): number;
  /** The value with so many before it. */
  select(index: number): number | undefined;
  /** Whether every value of it is in the other one too. */
  isSubset(other: Bitmap): boolean;
  runOptimize(): boolean;
  /** In the portable format that every roaring library reads. */
  serialize(format: "portable"): Uint8Array;
}

export interface BitmapLibrary {
  readonly name: "roaring" | "roaring-wasm";
  fromRange(first: number, end: number): Bitmap;
  /** The values of `first` to before `end` that are not in `bitmap`. */
  complement(bitmap: Bitmap, first: number, end: number): Bitmap;
  /** @throws {HeadwaterError} `MAP_CORRUPT` when they are none. */
  deserialize(bytes: Uint8Array): Bitmap;
}

interface RoaringBitmap extends Bitmap {
  clone(): RoaringBitmap;
  flipRange(first: number, end: number): void;
}

interface RoaringClass {
  fromRange(first: number, end: number): Bitmap;
  deserialize(bytes: Uint8Array, format: "portable"): Bitmap;
}

/**
 * The native addon where it could be built, else the WebAssembly build of the same library. Both
 * write the same bytes.
 */
export async function loadBitmaps(prefer?: BitmapLibrary["name"]): Promise<BitmapLibrary> {
  if (prefer !== "roaring-wasm") {
    try {
      return library("roaring", await import("roaring"));
    } catch (error) {
      if (prefer === "roaring") throw error;
    }
  }
  const wasm = await import("roaring-wasm");
  await wasm.default.roaringLibraryInitialize();
  return library("roaring-wasm", wasm);
}

/** Both packages are CommonJS: their named exports exist only on the default one. */
function library(name: BitmapLibrary["name"], module: { default: unknown }): BitmapLibrary {
  const { RoaringBitmap32 } = module.default as { RoaringBitmap32: RoaringClass };
  return {
    name,
    fromRange: (first, end) => RoaringBitmap32.fromRange(first, end),
    complement: (bitmap, first, end) => {
      const flipped = (bitmap as RoaringBitmap).clone();
      flipped.flipRange(first, end);
      return flipped;
    },
    deserialize: (bytes) => {
      try {
        return RoaringBitmap32.deserialize(bytes, "portable");
      } catch (cause) {
        throw new HeadwaterError("MAP_CORRUPT", "a bitmap of the map cannot be read", { cause });
      }
    },
  };
}
