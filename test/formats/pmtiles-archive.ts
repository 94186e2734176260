// An archive of PMTiles 3, as github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md has it.
import { type Entry, zxyToTileId } from "pmtiles";

const HEADER_SIZE = 127;
/** Entries in a leaf directory. */
const LEAF = 100;

export interface Tile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly bytes: Uint8Array;
}

/** Nothing is compressed; the directories have two levels. Equal tiles in a row share one entry. */
export function makeArchive(tiles: readonly Tile[], maxZoom: number): Uint8Array {
  const sorted = tiles
    .map((tile) => ({ ...tile, tileId: zxyToTileId(tile.z, tile.x, tile.y) }))
    .sort((one, other) => one.tileId - other.tileId);
  const entries: Entry[] = [];
  const data: Uint8Array[] = [];
  let end = 0;
  for (const { tileId, bytes } of sorted) {
    const before = entries.at(-1);
    const isNext = before !== undefined && before.tileId + before.runLength === tileId;
    if (isNext && data.at(-1) === bytes) {
      before.runLength += 1;
      continue;
    }
    entries.push({ tileId, offset: end, length: bytes.length, runLength: 1 });
    data.push(bytes);
    end += bytes.length;
  }
  const leaves: Uint8Array[] = [];
  const root: Entry[] = [];
  let leavesSize = 0;
  for (let first = 0; first < entries.length; first += LEAF) {
    const part = entries.slice(first, first + LEAF);
    const leaf = directory(part);
    const tileId = part[0]?.tileId ?? 0;
    root.push({ tileId, offset: leavesSize, length: leaf.length, runLength: 0 });
    leaves.push(leaf);
    leavesSize += leaf.length;
  }
  const rootBytes = directory(root);
  const metadata = Buffer.from("{}");
  const header = Buffer.alloc(HEADER_SIZE);
  header.write("PMTiles");
  header[7] = 3;
  const metadataAt = HEADER_SIZE + rootBytes.length;
  const leavesAt = metadataAt + metadata.length;
  const dataAt = leavesAt + leavesSize;
  const numbers = [
    ...[HEADER_SIZE, rootBytes.length, metadataAt, metadata.length],
    ...[leavesAt, leavesSize, dataAt, end],
    ...[tiles.length, entries.length, data.length],
  ];
  for (const [index, value] of numbers.entries()) {
    header.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  }
  // Clustered; nothing is compressed; no type of tile; zooms; the whole world.
  header.set([1, 1, 1, 0, 0, maxZoom], 96);
  for (const [index, degrees] of [-180, -85, 180, 85].entries()) {
    header.writeInt32LE(degrees * 10_000_000, 102 + 4 * index);
  }
  return new Uint8Array(Buffer.concat([header, rootBytes, metadata, ...leaves, ...data]));
}

/** Deltas of the ids, run lengths, lengths, then offsets, where 0 is right after the one before. */
function directory(entries: readonly Entry[]): Uint8Array {
  const values = [entries.length];
  let before = 0;
  for (const { tileId } of entries) {
    values.push(tileId - before);
    before = tileId;
  }
  for (const { runLength } of entries) values.push(runLength);
  for (const { length } of entries) values.push(length);
  let next = -1;
  for (const { offset, length } of entries) {
    values.push(offset === next ? 0 : offset + 1);
    next = offset + length;
  }
  return Uint8Array.from(values.flatMap(varint));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return [...bytes, left];
}
