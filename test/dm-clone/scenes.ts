import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { playConstructor } from "./constructor.ts";
import { fill, runsOf } from "./content.ts";
import { FULL } from "./devices.ts";
import type { Findings } from "./findings.ts";
import { perform } from "./operations.ts";
import type { Stage } from "./stage.ts";
import { parseTable, type TraceLine } from "./trace.ts";

type Scene = (stage: Stage, line: TraceLine, findings: Findings) => Promise<void>;

const REGION_SECTORS = 16;
const TABLE = parseTable("0 1032 clone m d s 16 1 no_hydration");
/** As the images of a crash were opened. */
const IMAGE = parseTable("0 1032 clone m d s 16 2 no_hydration no_discard_passdown");
/** Who reads without a pause while the hydrator runs. */
const READERS = 4;

/** What was done for the lines that are no operation. */
export const SCENES: Readonly<Record<string, Scene>> = {
  ctor: playConstructor,
  reopen: async (stage, line) => {
    stage.store.fault = undefined;
    await stage.open(line.table === undefined ? undefined : parseTable(line.table));
  },
  hydrated: hydrateAll,
  "swap-to-linear": async (stage, line, findings) => {
    const destination = await stage.settle(stage.clone.handOver());
    const bytes = new Uint8Array(destination.size);
    await destination.readInto(0, bytes);
    findings.compare("clone", line.clone_map, runsOf(bytes, 0));
  },
  table: async (stage, line, findings) => {
    // The arguments of the constructor are kept, and not what was changed since.
    await stage.open();
    const { hydrationThreshold, hydrationBatchSize } = parseTable(line.table_line ?? "");
    const status = stage.clone.status();
    findings.compare("threshold", hydrationThreshold, status.hydrationThreshold);
    findings.compare("batch size", hydrationBatchSize, status.hydrationBatchSize);
  },
  "crash-image": crashImage,
  "flush-io": flushTwice,
  "retry-stats": async (stage, line, findings) => {
    const [first = 0, last = 0] = line.events ?? [];
    findings.compare("events", last - first, stage.events.quarantined);
    const tries = stage.source.failures;
    findings.compare("tries", "without end", tries < 20 ? "few" : tries);
  },
  "source-healed": async (stage) => {
    stage.source.bad = undefined;
    await stage.until(() => stage.isWhole);
    await stage.rest();
  },
  events: async (stage, line, findings) => {
    const [first = 0, last = 0] = line.events ?? [];
    const isTold = stage.events.modes.at(-1) === stage.clone.mode;
    findings.compare("events", last - first, isTold ? 1 : 0);
  },
  "read-immediately": compareData,
  "read-after-copy-lands": async (stage, line, findings) => {
    await stage.clock.advance(1000);
    await stage.rest();
    await compareData(stage, line, findings);
    const region = stage.destination.bytes.subarray(0, REGION_SECTORS * SECTOR_SIZE);
    findings.compare("destination", line.dest, runsOf(region, 0));
  },
  suspended: suspendAndResume,
  resumed: async (stage, _, findings) => {
    await stage.until(() => stage.isWhole);
    findings.compare("complete", true, stage.isWhole);
  },
  "progress-under-load": progressUnderLoad,
  power: losePower,
  "kernel-bug": async (stage, line, findings) => {
    const flush = { ...line, op: "flush" };
    stage.store.fault = { error: FULL, loads: false };
    findings.compare("flush", "kernel BUG", (await perform(stage, flush)).error);
    stage.store.fault = undefined;
    findings.compare("flush with room", null, (await perform(stage, flush)).error);
  },
};

async function compareData(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  const ours = await stage.runsAt(0, REGION_SECTORS * SECTOR_SIZE);
  findings.compare("data", line.data, ours);
}

/** A write elsewhere with FUA: what was done before is stored, and what follows is not. */
export async function forceCommit(stage: Stage): Promise<void> {
  const from = 40 * REGION_SECTORS * SECTOR_SIZE;
  const { clone } = stage;
  for (const run of clone.hydratedRuns(from, clone.size - from)) {
    if (run.hydrated) continue;
    const bytes = fill("z", run.offset / SECTOR_SIZE, REGION_SECTORS);
    await stage.settle(clone.write(run.offset, bytes, { fua: true }));
    return;
  }
}

async function hydrateAll(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  if (line.src_ios === undefined) {
    findings.compare("complete", true, stage.isWhole);
    if (line.events_after !== undefined) {
      findings.compare("events", line.events_after, stage.events.hydrated);
    }
    return;
  }
  let most = 0;
  stage.source.asked = () => {
    most = Math.max(most, stage.clone.status().hydratingCount);
  };
  stage.enable();
  if (stage.clone.status().hydrationThreshold === 0) await stage.clock.advance(4000);
  else await stage.until(() => stage.isWhole);
  await stage.rest();
  const { source, clone, hydratedCount } = stage;
  findings.compare("hydrated", line.hydrated, hydratedCount);
  findings.compare("requests", line.src_ios, source.calls);
  findings.compare("sectors", line.src_sectors, source.sectorsRead);
  findings.compare("within the threshold", true, most <= clone.status().hydrationThreshold);
}

async function crashImage(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  const { label = "" } = line;
  if (label.startsWith("status without")) await stage.settle(stage.clone.flush());
  if (label.startsWith("suspend")) (await stage.settle(stage.clone.suspend()))();
  if (label.startsWith("right after background hydration")) {
    await forceCommit(stage);
    stage.enable();
    await stage.until(() => stage.isWhole);
    await stage.rest();
  }
  const image = await stage.crashImage(IMAGE);
  const { status, ...rest } = line;
  await findings.compareState(image, rest);
  if (typeof status === "string") findings.compareStatus(status, image.statusFields());
  await image.close();
}

async function flushTwice(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  await forceCommit(stage);
  const { store, clone } = stage;
  for (const [name, then] of [
    ["flush_nothing_changed", async () => {}],
    ["write_region_then_flush", () => clone.write(320 * SECTOR_SIZE, fill("k", 320, 16))],
  ] as const) {
    const before = { saves: store.saves, ...stage.traffic() };
    await stage.settle(then());
    await stage.settle(clone.flush());
    const theirs = line[name];
    const isStored = theirs?.md.wsec !== undefined;
    findings.compare(`${name}: stored`, isStored, store.saves > before.saves);
    const written = stage.traffic().written - before.written;
    findings.compare(`${name}: written`, theirs?.dest.wsec ?? 0, written);
  }
}

async function suspendAndResume(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  const { status_1: status = "" } = line;
  const hydrated = Number(/(\d+)\/65/.exec(status)?.[1]);
  await stage.until(() => stage.hydratedCount >= hydrated - 1);
  const resume = await stage.settle(stage.clone.suspend());
  findings.compareStatus(status, stage.statusFields());
  await stage.clock.advance(1500);
  findings.compareStatus(status, stage.statusFields());
  resume();
}

async function progressUnderLoad(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  stage.enable();
  await stage.until(() => stage.hydratedCount >= 2);
  stage.destination.readDelayMs = 1;
  let isOver = false;
  let reading = 0;
  const readers = Array.from({ length: READERS }, async (_, reader) => {
    while (!isOver) {
      reading += 1;
      await stage.clone.read(reader * 1000, 1000);
      reading -= 1;
    }
  });
  const hydratedEachSecond: number[] = [];
  for (const _ of line.hydrated_each_s ?? []) {
    await stage.clock.advance(1000);
    hydratedEachSecond.push(stage.hydratedCount);
  }
  findings.compare("readers", READERS, reading);
  findings.compare("hydrated_each_s", line.hydrated_each_s, hydratedEachSecond);
  isOver = true;
  await stage.settle(Promise.all(readers));
}

/** The line says what was done before, in words. */
async function losePower(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  if (line.phase === "1") await stage.open(TABLE);
  for (const [done, op = "", tag = "", first, count] of (line.ops ?? "").matchAll(
    /(write|discard|FLUSH)(?: ([a-z]))?(?: (\d+)\+(\d+))?/g,
  )) {
    const args = [Number(first), Number(count), tag];
    const { error } = await perform(stage, { ...line, op: op.toLowerCase(), args });
    findings.compare(done, null, error);
  }
  if (line.phase !== "2") return findings.compareState(stage, line);
  // All that was written had reached that disk; what may be lost of it is for the crash tests.
  const image = await stage.crashImage(TABLE);
  await findings.compareState(image, line);
  await image.close();
}
