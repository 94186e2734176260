import type { ByteRange, LocalBytes } from "../../lib/index.ts";
import { BlockDigests } from "./block-digests.ts";
import type { Manifest } from "./manifest.ts";

export interface CheckOptions {
  signal?: AbortSignal;
  /** Told how far it has come, in bytes from the beginning. */
  checked?: (position: number) => void;
}

/** Read and hashed at once, in bytes, unless a block is larger. */
const READ_SIZE: number = 2 ** 20;

/**
 * Reads what is local, and yields everything that is not as the manifest says, in whole blocks and
 * in order: what has another digest, and what is not here.
 */
export async function* wrongBlocks(
  manifest: Manifest,
  local: LocalBytes,
  options: CheckOptions = {},
): AsyncGenerator<ByteRange, void, undefined> {
  const { blocks } = manifest;
  const buffer = new Uint8Array(Math.max(READ_SIZE, manifest.blockSize));
  let position = 0;
  for (const { offset, length } of local.ranges()) {
    if (offset >= blocks.size) break;
    const { first, end } = blocks.wholeRun(offset, blocks.clip(offset, length));
    if (first >= end) continue;
    const start = blocks.offsetOf(first);
    if (start > position) yield { offset: position, length: start - position };
    yield* wrongOnes(manifest, local, first, end, buffer, options);
    position = blocks.offsetOf(end);
  }
  if (position < blocks.size) yield { offset: position, length: blocks.size - position };
}

/** Joins what lies side by side. */
export async function joined(ranges: AsyncIterable<ByteRange>): Promise<ByteRange[]> {
  const all: ByteRange[] = [];
  for await (const { offset, length } of ranges) {
    const last = all.at(-1);
    if (last === undefined || last.offset + last.length < offset) all.push({ offset, length });
    else all[all.length - 1] = { offset: last.offset, length: last.length + length };
  }
  return all;
}

async function* wrongOnes(
  manifest: Manifest,
  local: LocalBytes,
  first: number,
  end: number,
  buffer: Uint8Array,
  { signal, checked }: CheckOptions,
): AsyncGenerator<ByteRange, void, undefined> {
  const { blocks } = manifest;
  const digests = new BlockDigests(blocks, first);
  const most = Math.max(1, Math.floor(buffer.length / manifest.blockSize));
  for (let block = first; block < end; block += most) {
    signal?.throwIfAborted();
    const next = Math.min(end, block + most);
    const bytes = buffer.subarray(0, blocks.lengthOf(block, next));
    await local.readInto(blocks.offsetOf(block), bytes);
    for await (const { block: ended, digest } of digests.add(bytes)) {
      if (!digest.equals(await manifest.digestOf(ended))) yield manifest.rangeOf(ended);
    }
    checked?.(digests.position);
  }
}
