export { MAX_BLOCK_SIZE, MIN_BLOCK_SIZE } from "./format.ts";
export { rootOf, withoutRoot } from "./identity.ts";
export { defaultBlockSize, type MakeManifestOptions, makeManifest } from "./make-manifest.ts";
export { Manifest, type ManifestBytes } from "./manifest.ts";
export { type ManifestPlace, type OpenManifestOptions, openManifest } from "./open-manifest.ts";
export { type VerifiedOpener, type VerifiedOptions, verified } from "./verified.ts";
export { VerifiedSource } from "./verified-source.ts";
export { type CheckOptions, joined, wrongBlocks } from "./wrong-blocks.ts";
