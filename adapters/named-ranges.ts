import type { ByteRange, HydrateOptions } from "../lib/index.ts";
import type { ReadableBlob } from "./streams/index.ts";

/** A part of a blob, and what its format calls it. */
export interface NamedRange extends ByteRange {
  readonly name: string;
}

/** What is needed of a clone to bring parts of it before the rest. */
export interface HydratableBlob extends ReadableBlob {
  hydrate(options?: HydrateOptions): Promise<void>;
}

/** How soon parts are wanted, and for how long. */
export type HydrationWish = Pick<HydrateOptions, "priority" | "signal">;
