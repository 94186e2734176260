import { createHash } from "node:crypto";
import { Geometry, HeadwaterError } from "../../lib/index.ts";

/** The smallest and the largest block, in bytes. A block is held in memory until it is verified. */
export const MIN_BLOCK_SIZE = 4096;
export const MAX_BLOCK_SIZE: number = 16 * 2 ** 20;

/** SHA-256, in bytes. */
export const DIGEST_SIZE = 32;
/** So many digests are read, and checked, together. */
export const GROUP_BLOCKS = 4096;

/** Before the index. */
export const PREFIX_SIZE = 32;
/** An identity longer than this fits no region map either. */
const MAX_IDENTITY_SIZE = 8192;

const MAGIC = "HWDIGEST";
const VERSION = 1;
const SHA_256 = 1;

/** Of the prefix, which the root covers: all but the length of the identity. */
const ROOTED_SIZE = 28;

/** What a manifest says of the whole. docs/manifest-format.md has every byte. */
export interface ManifestHead {
  /** The blob's size, and the blocks in it. */
  readonly blocks: Geometry;
  /** Of what source it was made. A hint, which nothing depends on. */
  readonly identity: string | undefined;
  /** A digest for each group of 4096 digests. */
  readonly index: Uint8Array;
  /** Names the content: 64 hexadecimal digits. */
  readonly root: string;
  /** Where the digests begin. */
  readonly headSize: number;
}

export interface ManifestPrefix {
  readonly blocks: Geometry;
  readonly headSize: number;
  /** Of the whole manifest, in bytes. */
  readonly manifestSize: number;
}

/** @throws {RangeError} when it is not a power of two from 4 KiB to 16 MiB. */
export function checkBlockSize(blockSize: number): void {
  const isPower = Number.isSafeInteger(blockSize) && Number.isInteger(Math.log2(blockSize));
  if (isPower && blockSize >= MIN_BLOCK_SIZE && blockSize <= MAX_BLOCK_SIZE) return;
  throw new RangeError(
    `blockSize is ${blockSize}; it must be a power of two from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`,
  );
}

/** The first `PREFIX_SIZE` bytes. @throws {HeadwaterError} `CORRUPT` */
export function parsePrefix(bytes: Uint8Array): ManifestPrefix {
  if (bytes.length < PREFIX_SIZE) throw corrupt(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_SIZE);
  if (Buffer.from(bytes.subarray(0, 8)).toString("latin1") !== MAGIC) {
    throw corrupt("it does not begin like one");
  }
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw corrupt(`it has version ${version}, and 1 is known`);
  const algorithm = view.getUint32(12, true);
  if (algorithm !== SHA_256) throw corrupt(`it has algorithm ${algorithm}, and 1 is known`);
  const blocks = parseGeometry(view.getBigUint64(16, true), view.getUint32(24, true));
  const identitySize = view.getUint32(28, true);
  if (identitySize > MAX_IDENTITY_SIZE) throw corrupt(`its identity has ${identitySize} bytes`);
  const indexSize = DIGEST_SIZE * groupCount(blocks);
  const headSize = PREFIX_SIZE + indexSize + identitySize + DIGEST_SIZE;
  return { blocks, headSize, manifestSize: headSize + DIGEST_SIZE * blocks.regionCount };
}

/** The first `headSize` bytes, as the prefix says. @throws {HeadwaterError} `CORRUPT` */
export function parseHead(bytes: Uint8Array): ManifestHead {
  const { blocks, headSize } = parsePrefix(bytes);
  if (bytes.length !== headSize) throw corrupt(`its head has ${bytes.length} of ${headSize} bytes`);
  const checked = bytes.subarray(0, headSize - DIGEST_SIZE);
  if (!sha256(checked).equals(bytes.subarray(headSize - DIGEST_SIZE))) {
    throw corrupt("the checksum of its head is wrong");
  }
  const identityAt = PREFIX_SIZE + DIGEST_SIZE * groupCount(blocks);
  const index = bytes.subarray(PREFIX_SIZE, identityAt);
  const identity = Buffer.from(bytes.subarray(identityAt, checked.length)).toString("utf8");
  const root = sha256(bytes.subarray(0, ROOTED_SIZE), index).toString("hex");
  return { blocks, identity: identity === "" ? undefined : identity, index, root, headSize };
}

/** @throws {RangeError} when the identity is too long. */
export function encodeHead(blocks: Geometry, identity: string, index: Uint8Array): Uint8Array {
  const name = Buffer.from(identity, "utf8");
  if (name.length > MAX_IDENTITY_SIZE) throw new RangeError(`identity of ${name.length} bytes`);
  const prefix = Buffer.alloc(PREFIX_SIZE);
  prefix.write(MAGIC, "latin1");
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(SHA_256, 12);
  prefix.writeBigUInt64LE(BigInt(blocks.size), 16);
  prefix.writeUInt32LE(blocks.regionSize, 24);
  prefix.writeUInt32LE(name.length, 28);
  return Buffer.concat([prefix, index, name, sha256(prefix, index, name)]);
}

/** How many groups the digests of so many blocks are in. */
export function groupCount(blocks: Geometry): number {
  return Math.ceil(blocks.regionCount / GROUP_BLOCKS);
}

/** The digests of this group: so many of them, from there in the manifest. */
export function groupRange(
  { blocks, headSize }: Pick<ManifestHead, "blocks" | "headSize">,
  group: number,
): { readonly offset: number; readonly length: number } {
  const first = group * GROUP_BLOCKS;
  const count = Math.min(GROUP_BLOCKS, blocks.regionCount - first);
  return { offset: headSize + DIGEST_SIZE * first, length: DIGEST_SIZE * count };
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function corrupt(why: string, options?: ErrorOptions): HeadwaterError {
  return new HeadwaterError("CORRUPT", `the manifest cannot be believed: ${why}`, options);
}

function parseGeometry(size: bigint, blockSize: number): Geometry {
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`it is of ${size} bytes`);
  try {
    checkBlockSize(blockSize);
    return new Geometry(Number(size), blockSize);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw corrupt(cause.message, { cause });
  }
}
