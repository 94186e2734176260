import type { ByteRange, SourceDevice } from "../../lib/index.ts";
import { joinBytes } from "./bytes.ts";

/** The first and last bytes, the whole, and ranges that begin and end where nothing else does. */
export function rangesOf(size: number): ByteRange[] {
  const ranges = [
    [0, size],
    [0, 1],
    [size - 1, 1],
    [1, size - 2],
    [Math.floor(size / 2), 1],
    [Math.floor(size / 3), Math.floor(size / 3)],
    [4095, 2],
    [511, 4098],
  ];
  return ranges
    .map(([offset = 0, length = 0]) => ({ offset, length }))
    .filter(({ offset, length }) => offset >= 0 && length > 0 && offset + length <= size);
}

/** What opening brought along has come already, and is taken first. */
export async function holdBack(
  device: SourceDevice,
  hold: (() => Promise<() => void>) | undefined,
): Promise<(() => void) | undefined> {
  if (hold === undefined) return undefined;
  if (device.opened !== undefined) await collect(device, device.opened);
  return hold();
}

export async function collect(
  device: SourceDevice,
  { offset, length }: ByteRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const options = signal === undefined ? {} : { signal };
  for await (const piece of device.stream?.(offset, length, options) ?? []) pieces.push(piece);
  return joinBytes(pieces);
}
