import { type MakeManifestOptions, makeManifest } from "../adapters/manifest/index.ts";

export const BLOCK = 4096;

async function* inPieces(bytes: Uint8Array, pieceSize: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

/** The manifest of these bytes, in the smallest blocks there are. */
export function make(
  bytes: Uint8Array,
  options: Partial<MakeManifestOptions> = {},
): Promise<Uint8Array> {
  return makeManifest(inPieces(bytes, 100_000), {
    size: bytes.length,
    blockSize: BLOCK,
    ...options,
  });
}
