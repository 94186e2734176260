import { HeadwaterError, type MapSlot } from "../../lib/index.ts";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { fill } from "./content.ts";
import { FULL } from "./devices.ts";
import type { Findings } from "./findings.ts";
import { Stage, type StageOptions } from "./stage.ts";
import { parseTable, type Table, type TraceLine } from "./trace.ts";

/** What the devices were like, by the description of the case. */
const DEVICES: Readonly<Record<string, StageOptions>> = {
  "dest smaller": { destinationSectors: 1024 },
  "source smaller": { sourceSectors: 1024 },
  "dest larger": { destinationSectors: 1040 },
  "source larger": { sourceSectors: 1040 },
  "reopen len-8": { sourceSectors: 1024 },
  "reopen len+8": { sourceSectors: 1040, destinationSectors: 1040 },
};

/** What we say, where the kernel says this. */
const ANSWERS: readonly (readonly [said: string, answer: string])[] = [
  ["Invalid region size", "RangeError"],
  ["Region size is not a power of 2", "RangeError"],
  ["Device size larger than destination device", "RangeError"],
  ["Invalid value for argument", "RangeError"],
  ["Region and/or target size don't match", "SOURCE_CHANGED"],
  ["ENOTBLK", "MAP_CORRUPT"],
  ["EILSEQ", "MAP_CORRUPT"],
];

/** What a case left for those that open it again. */
let kept: Stage | undefined;

/** Opens a clone as the line says, on devices of its own unless something is opened again. */
export async function playConstructor(
  _: Stage,
  line: TraceLine,
  findings: Findings,
): Promise<void> {
  const { desc = "", dmesg = [] } = line;
  const said = dmesg.join(" ");
  const stage = await devicesFor(desc);
  const answer = await open(stage, line.table ?? "");
  const expected = ANSWERS.find(([words]) => said.includes(words))?.[1];
  findings.compare("answer", line.ok ? "opened" : (expected ?? said), answer);
  if (answer === "opened" && typeof line.status === "string") {
    findings.compareStatus(line.status, stage.statusFields());
  }
  await stage.close().catch(() => {}); // where the map cannot be stored
}

async function devicesFor(desc: string): Promise<Stage> {
  const stage = new Stage(DEVICES[desc]);
  if (/^reopen|^superblock/.test(desc) && kept !== undefined) stage.store = kept.store;
  if (desc.startsWith("md too small")) stage.store.fault = { error: FULL, loads: false };
  if (desc === "md garbage") await damage(stage, 8192);
  if (desc === "superblock bit flip") await damage(stage, 0);
  if (desc.startsWith("fmt")) kept = stage;
  return stage;
}

async function open(stage: Stage, line: string): Promise<string> {
  let table: Table;
  try {
    table = parseTable(line);
  } catch {
    return "no such words"; // an option has a name and a type here, and no count
  }
  try {
    await stage.open(table);
    if (!table.noHydration && table.hydrationThreshold > 0) await stage.rest();
    return "opened";
  } catch (error) {
    if (error instanceof HeadwaterError) return error.code;
    return error instanceof Error ? error.name : String(error);
  }
}

/** Nothing that was stored can be believed: one bit of each slot, or everything. */
async function damage({ store }: Stage, garbage: number): Promise<void> {
  for (const [slot, bytes] of (await store.slots()).entries()) {
    const damaged = garbage > 0 ? fill("q", slot, garbage / SECTOR_SIZE) : bytes;
    if (damaged.length > 0) damaged[30] = (damaged[30] ?? 0) ^ 1;
    await store.save(slot as MapSlot, damaged);
  }
}
