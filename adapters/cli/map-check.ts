import type { SlotInspection } from "../../lib/index.ts";
import { inspectMap, type MapInspection, type MapVerdict } from "../file/index.ts";
import { EXIT } from "./exit-codes.ts";
import { printable } from "./printable.ts";
import { formatCount } from "./quantities.ts";

const VERDICTS: Readonly<Record<MapVerdict, string>> = {
  sound: "sound",
  recoverable: "recoverable: the next opening goes on from one slot, and --repair mends the other",
  untrusted: "not to be believed",
};

const EXITS: Readonly<Record<MapVerdict, number>> = {
  sound: EXIT.done,
  recoverable: EXIT.recoverable,
  untrusted: EXIT.inTheWay,
};

/** `headwater map --check <file>`. */
export async function checkMap(file: string, json: boolean): Promise<number> {
  const inspection = await inspectMap(file);
  process.stdout.write(json ? `${JSON.stringify(asJson(file, inspection))}\n` : asText(inspection));
  return EXITS[inspection.verdict];
}

/** What `--check` and `--dump` say of the whole. */
export function asJson(file: string, inspection: MapInspection): Record<string, unknown> {
  const { verdict, findings, slots, lock } = inspection;
  return {
    file,
    verdict,
    findings,
    believed: slots?.believed ?? null,
    process: lock === undefined ? null : { ...lock.holder, dead: lock.isDead },
  };
}

/** The findings, a line for each. */
export function listFindings({ findings }: MapInspection): string {
  return findings.map(({ message }) => `${printable(message)}\n`).join("");
}

function asText(inspection: MapInspection): string {
  const { names, verdict, slots } = inspection;
  const lines = slots?.slots.map((slot) => describe(slot, slot.slot === slots.believed)) ?? [];
  const head = `${printable(names.map)}: ${VERDICTS[verdict]}\n`;
  return `${head}${lines.join("")}${listFindings(inspection)}`;
}

function describe({ slot, state, map, regions }: SlotInspection, isBelieved: boolean): string {
  if (map === undefined || regions === undefined) return `slot ${slot}: ${state}\n`;
  const { hydratedCount, regionCount } = regions.map;
  const count = `${formatCount(hydratedCount)} of ${formatCount(regionCount)} regions`;
  const flags = [
    ...(map.written ? ["written"] : []),
    ...(map.complete ? ["finished"] : []),
    ...(isBelieved ? ["believed"] : []),
  ];
  return `slot ${slot}: ${[`generation ${map.generation}`, count, ...flags].join(", ")}\n`;
}
