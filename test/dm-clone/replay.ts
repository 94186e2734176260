import * as assert from "uvu/assert";
import { BROKEN } from "./devices.ts";
import type { Findings } from "./findings.ts";
import { perform } from "./operations.ts";
import { forceCommit, SCENES } from "./scenes.ts";
import { Stage } from "./stage.ts";
import { parseStatusLine, parseTable, type TraceLine } from "./trace.ts";

/** After these lines the metadata device was broken: for every access, or for writes only. */
const BREAKS: Readonly<Record<number, "all" | "writes">> = { 215: "all", 234: "writes" };
/** Here each operation after the first was preceded by a commit, forced by a write elsewhere. */
const CRASHES = { scenario: "08-crash-consistency", firstOperation: 149 };

/** Plays a scenario, and notes what comes out otherwise. */
export async function replay(lines: readonly TraceLine[], findings: Findings): Promise<void> {
  let stage = new Stage();
  try {
    for (const line of lines) {
      findings.at(line);
      if (line.kind === "setup") {
        await end(stage);
        stage = await setUp(line);
      } else if (line.kind === "op") await playOperation(stage, line, findings);
      else await play(stage, line, findings);
    }
  } finally {
    await end(stage);
  }
}

async function setUp(line: TraceLine): Promise<Stage> {
  const stage = new Stage({ delayMs: line.source_delay_ms ?? 0 });
  if (line.table === undefined) return stage; // each case brings its own
  const table = parseTable(line.table);
  const bad = line.bad_source_region;
  if (bad !== undefined) {
    stage.source.bad = { offset: bad * table.regionSize, end: (bad + 1) * table.regionSize };
  }
  await stage.open(table);
  if (line.scenario.startsWith("10")) {
    // The first region is being copied, and no other is begun.
    stage.enable();
    await stage.rest();
    stage.clone.pause();
  }
  return stage;
}

async function end(stage: Stage): Promise<void> {
  await stage.close().catch(() => {}); // some scenarios leave a broken store
  assert.equal(stage.source.bytes, new Stage().source.bytes, "the source was written");
}

async function play(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  const scene = SCENES[line.kind];
  if (scene === undefined) throw new Error(`line ${line.seq}: nobody knows of ${line.kind}`);
  await scene(stage, line, findings);
}

async function playOperation(stage: Stage, line: TraceLine, findings: Findings): Promise<void> {
  await prepare(stage, line);
  const before = stage.traffic();
  const { error, data } = await perform(stage, line);
  await passTime(stage, line);
  const isRefused = line.error?.includes("Invalid argument");
  findings.compare("error", isRefused ? "EINVAL" : line.error, error);
  if (line.data !== undefined) findings.compare("data", line.data, data);
  // Of a message the kernel's counters were taken while the hydrator ran.
  if (line.op !== "message") compareTraffic(line, before, stage.traffic(), findings);
  await findings.compareState(stage, line);
  const broken = BREAKS[line.seq];
  if (broken !== undefined) stage.store.fault = { error: BROKEN, loads: broken === "all" };
}

/** What was done before the operation and has no line of its own. */
async function prepare(stage: Stage, line: TraceLine): Promise<void> {
  const { scenario, firstOperation } = CRASHES;
  if (line.scenario === scenario && line.seq > firstOperation) {
    if (line.op === "write" || line.op === "discard") await forceCommit(stage);
  }
  if (line.args?.[0] === "disable_hydration") {
    await reach(stage, line, stage.clone.status().hydratingCount);
  }
  if (line.note?.startsWith("reopen fully hydrated")) await stage.open();
  if (line.note === "fully hydrated") {
    stage.enable();
    await stage.rest();
  }
}

/** What the kernel did before the state of its clone was taken. */
async function passTime(stage: Stage, line: TraceLine): Promise<void> {
  if (line.note?.startsWith("after 5 s")) await stage.clock.advance(5000);
  // Lines that do nothing there are the ones at which a periodic commit was waited for.
  const isWait = line.scenario.startsWith("20") && line.op === "none";
  if (isWait && line.ondisk_hydrated_regions !== undefined) await stage.clock.advance(1000);
  await reach(stage, line, 0);
  await stage.rest();
}

/** Where the source takes its time, the trace says how far the hydrator had come. */
async function reach(stage: Stage, line: TraceLine, butFor: number): Promise<void> {
  const fields = parseStatusLine(line.status_line ?? "");
  if (stage.source.delayMs === 0 || !("hydrated" in fields)) return;
  const { hydration, hydrationThreshold, hydratingCount } = stage.clone.status();
  const isUnderWay = hydratingCount > 0 && fields.hydrating === 0;
  if (hydration !== "running" && !isUnderWay) return;
  if (hydrationThreshold > 0) {
    await stage.until(() => stage.hydratedCount >= fields.hydrated - butFor);
  }
}

type Traffic = ReturnType<Stage["traffic"]>;

function compareTraffic(line: TraceLine, from: Traffic, to: Traffic, findings: Findings): void {
  const { src = {}, dst = {} } = line.io ?? {};
  findings.compare("source read", src.rsec ?? 0, to.sourceRead - from.sourceRead);
  findings.compare("destination read", dst.rsec ?? 0, to.read - from.read);
  findings.compare("destination write", dst.wsec ?? 0, to.written - from.written);
  findings.compare("destination discard", dst.dsec ?? 0, to.discarded - from.discarded);
}
