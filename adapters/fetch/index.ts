export type { ServedBlob } from "../range-answer/index.ts";
export type { ReadableBlob } from "../streams/index.ts";
export { type BlobsByUrl, type Fetch, type FetchFromOptions, fetchFrom } from "./fetch-from.ts";
