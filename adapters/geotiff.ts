import type { GeoTIFF, GeoTIFFImage } from "geotiff";
import { exactBuffer } from "./exact-buffer.ts";
import type { HydratableBlob, HydrationWish, NamedRange } from "./named-ranges.ts";
import type { ReadableBlob } from "./streams/index.ts";

/** Of what `GeoTIFF.fromSource` takes, the part that it uses. */
type Source = Parameters<typeof GeoTIFF.fromSource>[0];
type Slice = Parameters<Source["fetchSlice"]>[0];

/**
 * A blob as geotiff wants a source: `GeoTIFF.fromSource(tiffSource(blob))`. Only the tiles of a
 * window are waited for.
 */
export function tiffSource(blob: Pick<ReadableBlob, "size" | "read">): Source {
  const fetchSlice: Source["fetchSlice"] = async ({ offset, length }: Slice, signal) => {
    const bytes = await blob.read(offset, length, signal && { signal });
    return { offset, length: bytes.length, data: exactBuffer(bytes) };
  };
  return {
    fileSize: blob.size,
    fetchSlice,
    fetch: async (slices, signal) => {
      const all = await Promise.all(slices.map((slice) => fetchSlice(slice, signal)));
      return all.map(({ data }) => data);
    },
    close: async () => {},
  };
}

/** A part of an image, in pixels of it; right and bottom are those after the last. */
export type ImageWindow = readonly [left: number, top: number, right: number, bottom: number];

/**
 * Where the tiles, or strips, of an image are. An overview is an image too: `await
 * tiff.getImage(1)` is mostly half as wide.
 *
 * @param window the default is the whole image; what lies outside of it is cut.
 */
export async function tileRanges(
  image: GeoTIFFImage,
  window: ImageWindow = [0, 0, image.getWidth(), image.getHeight()],
): Promise<NamedRange[]> {
  const { fileDirectory: directory, isTiled, planarConfiguration } = image;
  const [offsets, lengths] = await Promise.all([
    directory.loadValue(isTiled ? "TileOffsets" : "StripOffsets"),
    directory.loadValue(isTiled ? "TileByteCounts" : "StripByteCounts"),
  ]);
  if (offsets === undefined || lengths === undefined) return [];
  const [width, height] = [image.getTileWidth(), image.getTileHeight()];
  const across = Math.ceil(image.getWidth() / width);
  const down = Math.ceil(image.getHeight() / height);
  const [left, top, right, bottom] = window;
  const columns = {
    first: Math.max(0, Math.floor(left / width)),
    end: Math.min(across, Math.ceil(right / width)),
  };
  const rows = {
    first: Math.max(0, Math.floor(top / height)),
    end: Math.min(down, Math.ceil(bottom / height)),
  };
  const planes = planarConfiguration === 2 ? image.getSamplesPerPixel() : 1;
  const ranges: NamedRange[] = [];
  for (let plane = 0; plane < planes; plane += 1) {
    for (let row = rows.first; row < rows.end; row += 1) {
      for (let column = columns.first; column < columns.end; column += 1) {
        const index = plane * across * down + row * across + column;
        const [offset, length] = [Number(offsets[index]), Number(lengths[index])];
        const name = `${image.getWidth()} x ${image.getHeight()} / tile ${column}, ${row}`;
        if (length > 0) ranges.push({ offset, length, name });
      }
    }
  }
  return ranges;
}

/** Brings the tiles of a window before the rest: reading it then waits for nothing. */
export async function hydrateWindow(
  blob: HydratableBlob,
  image: GeoTIFFImage,
  window?: ImageWindow,
  wish: HydrationWish = {},
): Promise<void> {
  await blob.hydrate({ ...wish, ranges: await tileRanges(image, window) });
}
