import { setImmediate } from "node:timers/promises";
import type { ByteRange } from "../../lib/index.ts";
import { GROUP_BLOCKS, sha256 } from "./format.ts";
import type { Manifest } from "./manifest.ts";

/** The blocks, whole within the range, of which the manifest says that they are zeros; joined. */
export async function* zeroBlocks(
  manifest: Manifest,
  { offset, length }: ByteRange,
): AsyncGenerator<ByteRange, void, undefined> {
  const { blocks, blockSize } = manifest;
  const { first, end } = blocks.wholeRun(offset, length);
  const isTailShort = blocks.size % blockSize > 0;
  const wholeZeros = sha256(new Uint8Array(blockSize));
  const tailZeros = sha256(new Uint8Array(blocks.size % blockSize));
  let zerosFrom: number | undefined;
  for (let block = first; block < end; block += 1) {
    const isTail = isTailShort && block === blocks.regionCount - 1;
    const zeros = isTail ? tailZeros : wholeZeros;
    if (zeros.equals(await manifest.digestOf(block))) zerosFrom ??= block;
    else if (zerosFrom !== undefined) {
      yield run(manifest, zerosFrom, block);
      zerosFrom = undefined;
    }
    if (block % GROUP_BLOCKS === 0) await setImmediate();
  }
  if (zerosFrom !== undefined) yield run(manifest, zerosFrom, end);
}

function run({ blocks }: Manifest, first: number, end: number): ByteRange {
  return { offset: blocks.offsetOf(first), length: blocks.lengthOf(first, end) };
}
