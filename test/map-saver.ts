// Saves a large map over and over, as test/map-live.test.ts asks: node map-saver.js <path>
import { setTimeout as pause } from "node:timers/promises";
import { LocalCopy } from "../adapters/file/index.ts";
import { encodeMap, loadBitmaps, type MapSlot } from "../lib/index.ts";

const REGION_SIZE = 4096;
const REGION_COUNT = 4_000_000;

const [, , path = ""] = process.argv;
const size = REGION_SIZE * REGION_COUNT;
const copy = await LocalCopy.open(path);
await copy.create({ size, regionSize: REGION_SIZE, sparse: true });
const hydrated = (await loadBitmaps()).fromRange(0, 1);
// As large as it gets: every other region.
for (let region = 0; region < REGION_COUNT; region += 2) hydrated.addRange(region, region + 1);
hydrated.runOptimize();
for (let generation = 1; ; generation += 1) {
  const map = {
    ...{ generation, size, sourceSize: size, regionSize: REGION_SIZE, identity: "saved often" },
    ...{
      written: false,
      unsettled: false,
      advancing: false,
      complete: false,
      fingerprint: "",
      former: "",
    },
    ...{ hydrated: hydrated.serialize("portable"), writtenRegions: new Uint8Array() },
  };
  await copy.mapStore.save((generation % 2) as MapSlot, await encodeMap(map));
  if (generation === 2) console.log("saving");
  await pause(30);
}
