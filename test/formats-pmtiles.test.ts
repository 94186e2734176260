import { PMTiles, type Source } from "pmtiles";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrateTiles, tileRanges, tileSource } from "../adapters/pmtiles.ts";
import { makeArchive, type Tile } from "./formats/pmtiles-archive.ts";
import { askEverywhere } from "./formats/reading.ts";

const test = suite("PMTiles through a clone");

const MAX_ZOOM = 6;
const SEA = new Uint8Array(300).fill(1);

/** All tiles down to zoom 6, each with its own bytes but for those of the sea. */
function* everyTile(): Generator<Tile> {
  for (let z = 0; z <= MAX_ZOOM; z += 1) {
    for (let x = 0; x < 2 ** z; x += 1) {
      for (let y = 0; y < 2 ** z; y += 1) {
        const isSea = z > 3 && y > 2 ** z * 0.7;
        const bytes = new Uint8Array(200 + ((x * 31 + y * 17) % 900)).fill(z * 40 + ((x + y) % 40));
        yield { z, x, y, bytes: isSea ? SEA : bytes };
      }
    }
  }
}

const tiles = [...everyTile()];
const archive = makeArchive(tiles, MAX_ZOOM);
const inMemory: Source = {
  getKey: () => "memory",
  getBytes: async (offset, length) => ({ data: archive.slice(offset, offset + length).buffer }),
};

/** About France. */
const bounds = [-5, 42, 8, 51] as const;
const inside = tiles.filter(({ z, x, y }) => z === 6 && x >= 31 && x <= 33 && y >= 21 && y <= 23);

async function ask(pmtiles: PMTiles): Promise<string[]> {
  const found: string[] = [];
  for (const { z, x, y } of inside) {
    const tile = await pmtiles.getZxy(z, x, y);
    found.push(Buffer.from(tile?.data ?? new ArrayBuffer(0)).toString("latin1"));
  }
  return found;
}

let archives = 0;
function key(): string {
  archives += 1;
  return `archive ${archives}`;
}

test("tiles are read as from memory, and those of a box are brought by it", async () => {
  const answer = inside.map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
  assert.equal(await ask(new PMTiles(inMemory)), answer);
  await askEverywhere({
    ...{ library: "pmtiles", what: "nine tiles", file: archive, answer },
    ask: (blob) => ask(new PMTiles(tileSource(blob, key()))),
    hydrate: async (clone) => {
      const pmtiles = new PMTiles(tileSource(clone, key()));
      await hydrateTiles(clone, pmtiles, { bounds, minZoom: 6 });
    },
  });
});

test("each tile of a box is where its range says, and shared bytes are named once", async () => {
  const pmtiles = new PMTiles(inMemory);
  const ranges = await tileRanges(pmtiles);
  const { tileDataOffset, tileDataLength } = await pmtiles.getHeader();
  assert.is(new Set(ranges.map(({ offset }) => offset)).size, ranges.length);
  assert.ok(ranges.length < tiles.length);
  const sum = ranges.reduce((total, { length }) => total + length, 0);
  assert.is(sum, tileDataLength, "they are all bytes of tiles");
  for (const { offset, length, name } of ranges) {
    const [z, x, y] = (/^tile (\d+)\/(\d+)\/(\d+)$/.exec(name) ?? []).slice(1).map(Number);
    const tile = tiles.find((one) => one.z === z && one.x === x && one.y === y);
    assert.ok(offset >= tileDataOffset);
    assert.equal(archive.subarray(offset, offset + length), tile?.bytes);
  }
  const some = await tileRanges(pmtiles, { bounds, minZoom: 6, maxZoom: 9 });
  assert.equal(
    some.map(({ name }) => name).sort(),
    inside.map(({ z, x, y }) => `tile ${z}/${x}/${y}`).sort(),
  );
});

test("a choice of too many tiles is refused", async () => {
  const deep = makeArchive([{ z: 12, x: 0, y: 0, bytes: SEA }], 12);
  const source: Source = {
    getKey: () => "deep",
    getBytes: async (offset, length) => ({ data: deep.slice(offset, offset + length).buffer }),
  };
  try {
    await tileRanges(new PMTiles(source));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
  }
});

test.run();
