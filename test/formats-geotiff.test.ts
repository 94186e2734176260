import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromArrayBuffer, GeoTIFF } from "geotiff";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrateWindow, type ImageWindow, tiffSource, tileRanges } from "../adapters/geotiff.ts";
import { askEverywhere, openClone } from "./formats/reading.ts";

// cog.tif is 512 x 512 made-up pixels, as gdal_translate writes them with -of COG
// -co COMPRESS=DEFLATE -co BLOCKSIZE=128.
const test = suite("GeoTIFF through a clone");

const path = fileURLToPath(new URL("../../test/fixtures/cog.tif", import.meta.url));
const bytes = new Uint8Array(readFileSync(path));
const local = await fromArrayBuffer(bytes.slice().buffer);
const WINDOW: ImageWindow = [100, 200, 260, 300];

async function readWindow(tiff: GeoTIFF, index: number, window?: ImageWindow): Promise<unknown> {
  const image = await tiff.getImage(index);
  const rasters = await image.readRasters(window && { window: [...window] });
  return { width: rasters.width, height: rasters.height, bands: [...rasters] };
}

test("a window of the image is read as from the file", async () => {
  await askEverywhere({
    ...{ library: "geotiff", what: "a window of a COG", file: bytes },
    ask: async (blob) => readWindow(await GeoTIFF.fromSource(tiffSource(blob)), 0, WINDOW),
    answer: await readWindow(local, 0, WINDOW),
    hydrate: async (clone) => {
      const tiff = await GeoTIFF.fromSource(tiffSource(clone));
      await hydrateWindow(clone, await tiff.getImage(0), WINDOW);
    },
  });
});

test("an overview is read as from the file, and brought by itself", async () => {
  const index = (await local.getImageCount()) - 1;
  assert.ok(index > 0);
  await askEverywhere({
    ...{ library: "geotiff", what: "the smallest overview of a COG", file: bytes },
    ask: async (blob) => readWindow(await GeoTIFF.fromSource(tiffSource(blob)), index),
    answer: await readWindow(local, index),
    hydrate: async (clone) => {
      const tiff = await GeoTIFF.fromSource(tiffSource(clone));
      await hydrateWindow(clone, await tiff.getImage(index));
    },
  });
});

test("the tiles of all images are most of the file, and none overlaps another", async () => {
  const count = await local.getImageCount();
  const images = await Promise.all(Array.from({ length: count }, (_, i) => local.getImage(i)));
  const ranges = (await Promise.all(images.map((image) => tileRanges(image)))).flat();
  assert.is(new Set(ranges.map(({ name }) => name)).size, ranges.length);
  let [end, sum] = [0, 0];
  for (const { offset, length } of ranges.sort((one, other) => one.offset - other.offset)) {
    assert.ok(offset >= end);
    end = offset + length;
    sum += length;
  }
  assert.ok(end <= bytes.length && sum > bytes.length * 0.9);
  const outside = await tileRanges(await local.getImage(0), [-50, -50, 1, 1]);
  assert.equal(
    outside.map(({ name }) => name),
    ["512 x 512 / tile 0, 0"],
  );
});

test("one reader's abort is its own", async () => {
  const clone = await openClone(bytes);
  const source = tiffSource(clone);
  const abort = new AbortController();
  const slice = { offset: 200_000, length: 1000 };
  const aborted = source.fetchSlice(slice, abort.signal).then(
    () => "read",
    () => "aborted",
  );
  const other = source.fetchSlice(slice);
  abort.abort();
  assert.is(await aborted, "aborted");
  assert.equal(new Uint8Array((await other).data), bytes.subarray(200_000, 201_000));
  await clone.close();
});

test.run();
