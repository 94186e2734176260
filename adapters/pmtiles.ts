import type { Entry, Header, PMTiles, Source } from "pmtiles";
import { exactBuffer } from "./exact-buffer.ts";
import type { HydratableBlob, HydrationWish, NamedRange } from "./named-ranges.ts";
import type { ReadableBlob } from "./streams/index.ts";

/**
 * A blob as pmtiles wants a source: `new PMTiles(tileSource(blob, "the world"))`.
 *
 * @param key by which pmtiles remembers directories: another for each archive.
 */
export function tileSource(blob: Pick<ReadableBlob, "read">, key: string): Source {
  return {
    getKey: () => key,
    getBytes: async (offset, length, signal) => {
      const bytes = await blob.read(offset, length, signal && { signal });
      return { data: exactBuffer(bytes) };
    },
  };
}

/** Which tiles of an archive. */
export interface TileChoice {
  /** West, south, east and north, in degrees. Default: all that the archive has. */
  readonly bounds?: readonly [west: number, south: number, east: number, north: number];
  /** Default: those of the archive. */
  readonly minZoom?: number;
  readonly maxZoom?: number;
}

/** A choice of more than this is a mistake, or the whole archive. */
const MOST_TILES = 1_000_000;
/** Of leaf directories, and of the web's Mercator projection (github.com/protomaps/PMTiles). */
const MOST_LEVELS = 4;
const MOST_NORTHERN = 85.051_129;

/**
 * Where the tiles are, named like "tile 3/4/2". Reads the directories that lead to them.
 *
 * @throws {RangeError} when they are more than a million: hydrate the whole then.
 */
export async function tileRanges(archive: PMTiles, choice: TileChoice = {}): Promise<NamedRange[]> {
  const { findTile, zxyToTileId } = await import("pmtiles");
  const header = await archive.getHeader();
  const ranges = new Map<number, NamedRange>();
  for (const { z, x, y } of tilesOf(header, choice)) {
    const entry = await find(archive, header, zxyToTileId(z, x, y), findTile);
    if (entry === undefined || entry.length === 0) continue;
    const offset = header.tileDataOffset + entry.offset;
    // Many tiles may have the same bytes, such as those of the sea.
    ranges.set(offset, { offset, length: entry.length, name: `tile ${z}/${x}/${y}` });
  }
  return [...ranges.values()];
}

/** Brings tiles before the rest: getting them then waits for nothing. */
export async function hydrateTiles(
  blob: HydratableBlob,
  archive: PMTiles,
  choice?: TileChoice,
  wish: HydrationWish = {},
): Promise<void> {
  await blob.hydrate({ ...wish, ranges: await tileRanges(archive, choice) });
}

async function find(
  { cache, source }: PMTiles,
  header: Header,
  tileId: number,
  findTile: (entries: Entry[], tileId: number) => Entry | null,
): Promise<Entry | undefined> {
  let { rootDirectoryOffset: offset, rootDirectoryLength: length } = header;
  for (let level = 0; level < MOST_LEVELS; level += 1) {
    const directory = await cache.getDirectory(source, offset, length, header);
    const entry = findTile(directory, tileId);
    if (entry === null) return undefined;
    if (entry.runLength > 0) return entry;
    offset = header.leafDirectoryOffset + entry.offset;
    length = entry.length;
  }
  return undefined;
}

function* tilesOf(
  header: Header,
  { bounds, minZoom = header.minZoom, maxZoom = header.maxZoom }: TileChoice,
): Generator<{ z: number; x: number; y: number }, void, undefined> {
  const { minLon, minLat, maxLon, maxLat } = header;
  const [west, south, east, north] = bounds ?? [minLon, minLat, maxLon, maxLat];
  let count = 0;
  for (let z = Math.max(minZoom, header.minZoom); z <= Math.min(maxZoom, header.maxZoom); z += 1) {
    const [left, right] = [columnOf(west, z), columnOf(east, z)];
    const [top, bottom] = [rowOf(north, z), rowOf(south, z)];
    count += (right - left + 1) * (bottom - top + 1);
    if (count > MOST_TILES) throw new RangeError(`these are more than ${MOST_TILES} tiles`);
    for (let x = left; x <= right; x += 1) {
      for (let y = top; y <= bottom; y += 1) yield { z, x, y };
    }
  }
}

function columnOf(longitude: number, z: number): number {
  return within(((longitude + 180) / 360) * 2 ** z, z);
}

function rowOf(latitude: number, z: number): number {
  const bounded = Math.min(MOST_NORTHERN, Math.max(-MOST_NORTHERN, latitude));
  const radians = (bounded * Math.PI) / 180;
  return within(((1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2) * 2 ** z, z);
}

function within(place: number, z: number): number {
  return Math.min(2 ** z - 1, Math.max(0, Math.floor(place)));
}
