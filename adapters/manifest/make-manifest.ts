import { Geometry, HeadwaterError } from "../../lib/index.ts";
import { BlockDigests } from "./block-digests.ts";
import {
  checkBlockSize,
  DIGEST_SIZE,
  encodeHead,
  GROUP_BLOCKS,
  groupCount,
  MAX_BLOCK_SIZE,
  sha256,
} from "./format.ts";

export interface MakeManifestOptions {
  /** Of the blob, in bytes. */
  size: number;
  /** In bytes: a power of two from 4 KiB to 16 MiB. Default: see `defaultBlockSize`. */
  blockSize?: number;
  /** Of the source, as a hint for people. */
  identity?: string;
}

/** The smallest block of the default, and how many of them are one too many. */
const DEFAULT_BLOCK_SIZE: number = 64 * 2 ** 10;
const MANY_BLOCKS: number = 2 ** 20;

/** 64 KiB up to 64 GiB; then as large as keeps the manifest at 32 MiB, up to 16 MiB. */
export function defaultBlockSize(size: number): number {
  let blockSize = DEFAULT_BLOCK_SIZE;
  while (blockSize < MAX_BLOCK_SIZE && size / blockSize > MANY_BLOCKS) blockSize *= 2;
  return blockSize;
}

/**
 * Makes the manifest of a blob, of which every byte comes by in order. Hashing does not hold the
 * event loop.
 *
 * @throws {RangeError} when an option makes no sense.
 * @throws {HeadwaterError} `SHORT_READ` when the bytes are fewer than `size`, `CORRUPT` when more.
 */
export async function makeManifest(
  bytes: AsyncIterable<Uint8Array>,
  options: MakeManifestOptions,
): Promise<Uint8Array> {
  const { size, identity = "" } = options;
  const { blockSize = defaultBlockSize(size) } = options;
  checkBlockSize(blockSize);
  const blocks = new Geometry(size, blockSize);
  const digests = Buffer.alloc(DIGEST_SIZE * blocks.regionCount);
  const hashing = new BlockDigests(blocks, 0);
  for await (const piece of bytes) {
    if (hashing.position + piece.length > size) {
      throw new HeadwaterError("CORRUPT", `there are more than the ${size} bytes it was to be`);
    }
    for await (const { block, digest } of hashing.add(piece)) {
      digest.copy(digests, DIGEST_SIZE * block);
    }
  }
  const { position } = hashing;
  if (position < size) {
    throw new HeadwaterError("SHORT_READ", `the bytes end at ${position} of ${size}`);
  }
  const index = Buffer.alloc(DIGEST_SIZE * groupCount(blocks));
  const groupSize = DIGEST_SIZE * GROUP_BLOCKS;
  for (let group = 0; group < groupCount(blocks); group += 1) {
    const part = digests.subarray(groupSize * group, groupSize * (group + 1));
    sha256(part).copy(index, DIGEST_SIZE * group);
  }
  const head = encodeHead(blocks, identity, index);
  const manifest = new Uint8Array(head.length + digests.length);
  manifest.set(head);
  manifest.set(digests, head.length);
  return manifest;
}
