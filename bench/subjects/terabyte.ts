import { stat } from "node:fs/promises";
import { FileMapStore } from "../../adapters/file/index.ts";
import { Clone, mapSlotSize } from "../../adapters/hydrate.ts";
import { withTarget } from "../files.ts";
import { median, percentile, seeded } from "../measure.ts";
import { duration, GIB, KIB, mebibytes, type Report, type Subject } from "../report.ts";
import { SparseMemory, SyntheticSource, syntheticBytes } from "../synthetic-devices.ts";

const SIZE = 1024 * GIB;
const REGION_SIZE = 64 * KIB;
const LENGTH = 4 * KIB;
const READS = 5000;
/** Of the size, in per cent. */
const MAP_TARGET = 0.01;

interface Found {
  readonly openSeconds: number;
  readonly reopenSeconds: number;
  readonly missing: readonly number[];
  readonly flushSeconds: number;
  readonly mapBytes: number;
}

async function readPlaces(clone: Clone, places: readonly number[]): Promise<readonly number[]> {
  const taken: number[] = [];
  for (const place of places) {
    const start = performance.now();
    const bytes = await clone.read(place, LENGTH);
    taken.push((performance.now() - start) / 1000);
    if (!Buffer.from(syntheticBytes(place, LENGTH)).equals(bytes)) {
      throw new Error(`wrong bytes at ${place}`);
    }
  }
  return taken;
}

async function measure(path: string): Promise<Found> {
  const random = seeded(1);
  const places = Array.from(
    { length: READS },
    () => Math.floor(random() * (SIZE / LENGTH)) * LENGTH,
  );
  await using source = new SyntheticSource(SIZE);
  await using destination = new SparseMemory(SIZE);
  const start = performance.now();
  const mapStore = await FileMapStore.create(path, mapSlotSize(SIZE / REGION_SIZE));
  const options = { source, destination, regionSize: REGION_SIZE, noHydration: true };
  const clone = await Clone.open({ ...options, mapStore });
  const openSeconds = (performance.now() - start) / 1000;
  const missing = await readPlaces(clone, places);
  const beforeFlush = performance.now();
  await clone.flush();
  const flushSeconds = (performance.now() - beforeFlush) / 1000;
  await clone.close();
  await mapStore.close();

  const again = performance.now();
  await using reopenedStore = await FileMapStore.open(path);
  await using reopened = await Clone.open({ ...options, mapStore: reopenedStore });
  const reopenSeconds = (performance.now() - again) / 1000;
  await readPlaces(reopened, places);
  if (reopened.stats().bytesFetched !== 0) throw new Error("what was read was fetched again");
  return { openSeconds, reopenSeconds, missing, flushSeconds, mapBytes: (await stat(path)).size };
}

/** Nothing may grow with the size but the map, and that very little. */
export const terabyteSubject: Subject = {
  letter: "h",
  title: "A synthetic source of 1 TiB",

  async run(bench): Promise<Report> {
    const found = await withTarget(bench.folder, measure);
    const percent = (found.mapBytes / SIZE) * 100;
    return {
      rows: [
        {
          what: "map file, % of the size",
          ours: mebibytes(found.mapBytes),
          theirs: "",
          figure: percent,
          target: MAP_TARGET,
        },
        {
          what: "open, ms",
          ours: duration(found.openSeconds),
          theirs: "",
          figure: found.openSeconds * 1000,
          target: undefined,
        },
        {
          what: `open again with ${READS} reads' regions, ms`,
          ours: duration(found.reopenSeconds),
          theirs: "",
          figure: found.reopenSeconds * 1000,
          target: undefined,
        },
        {
          what: "missing 4 KiB at a random place, p50, ms",
          ours: `${duration(median(found.missing))} (p99 ${duration(percentile(found.missing, 99))})`,
          theirs: "",
          figure: median(found.missing) * 1000,
          target: undefined,
        },
        {
          what: "flush, ms",
          ours: duration(found.flushSeconds),
          theirs: "",
          figure: found.flushSeconds * 1000,
          target: undefined,
        },
      ],
      notes: [
        "The source computes its bytes, the destination is sparse memory, the map is a file with room " +
          `for any pattern of regions. ${READS} reads, every byte checked, and none fetched again ` +
          "after the clone was closed and opened.",
      ],
    };
  },
};
