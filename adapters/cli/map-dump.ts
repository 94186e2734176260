import {
  type ByteRange,
  type HydratedRegions,
  hydratedBytes,
  type Run,
  type SlotInspection,
} from "../../lib/index.ts";
import { inspectMap } from "../file/index.ts";
import { EXIT } from "./exit-codes.ts";
import { asJson } from "./map-check.ts";
import { writeOut } from "./output.ts";

/** A map may have millions of runs: so many are written at once. */
const RUNS_AT_ONCE = 4096;

/** `headwater map --dump <file>`: one JSON object, however large, in pieces. */
export async function dumpMap(file: string, mostRuns: number): Promise<number> {
  const inspection = await inspectMap(file);
  const { slots } = inspection;
  await write(`${withoutEnd(asJson(file, inspection))},"slots":[`);
  for (const slot of slots?.slots ?? []) {
    if (slot.slot > 0) await write(",");
    await dumpSlot(slot, mostRuns);
  }
  await write("]}\n");
  return EXIT.done;
}

async function dumpSlot(slot: SlotInspection, mostRuns: number): Promise<void> {
  const { state, problem = null, remains = null, map, regions } = slot;
  const head = { slot: slot.slot, state, problem };
  if (map === undefined || regions === undefined) {
    await write(JSON.stringify({ ...head, remains }));
    return;
  }
  const { hydrated: _, writtenRegions: __, ...fields } = map;
  const { regionCount, hydratedCount } = regions.map;
  const figures = {
    regionCount,
    hydratedCount,
    hydratedBytes: hydratedBytes(regions, 0, map.size),
    writtenCount: regions.writtenRegions.count,
  };
  await write(`${withoutEnd({ ...head, ...fields, ...figures })},"hydrated":[`);
  const allHydrated = await dumpRanges(rangesOf(regions, regions.map.hydratedRuns()), mostRuns);
  await write(`],"written":[`);
  const allWritten = await dumpRanges(rangesOf(regions, regions.writtenRegions.runs()), mostRuns);
  await write(`],"allRuns":${allHydrated && allWritten}}`);
}

/** Resolves to whether that was all. */
async function dumpRanges(ranges: Iterable<ByteRange>, most: number): Promise<boolean> {
  let count = 0;
  let piece = "";
  for (const range of ranges) {
    if (count === most) {
      await write(piece);
      return false;
    }
    piece += `${count === 0 ? "" : ","}${JSON.stringify(range)}`;
    count += 1;
    if (count % RUNS_AT_ONCE > 0) continue;
    // Nobody reads it any more: what is left is only many runs.
    if (!(await write(piece))) return false;
    piece = "";
  }
  await write(piece);
  return true;
}

function* rangesOf({ geometry }: HydratedRegions, runs: Iterable<Run>): Generator<ByteRange> {
  for (const { first, end } of runs) {
    yield { offset: geometry.offsetOf(first), length: geometry.lengthOf(first, end) };
  }
}

function withoutEnd(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}

function write(text: string): Promise<boolean> {
  return writeOut(Buffer.from(text));
}
