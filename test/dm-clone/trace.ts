import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";

/** What `dmsetup status` says of a clone target that has not failed. */
export interface LineFields {
  readonly region_size: number;
  readonly hydrated: number;
  readonly total: number;
  readonly hydrating: number;
  readonly features: readonly string[];
  readonly core: Readonly<Record<string, number>>;
  readonly mode: string;
}

/** Sectors that a device read, wrote and discarded; nothing is said of what is none. */
interface Traffic {
  readonly rsec?: number;
  readonly wsec?: number;
  readonly dsec?: number;
}

/** A line of the traces. Which fields there are depends on its kind. */
export interface TraceLine {
  readonly seq: number;
  readonly scenario: string;
  readonly kind: string;
  readonly note?: string;
  readonly op?: string;
  readonly args?: readonly (number | string)[];
  readonly fua?: boolean;
  readonly flush?: boolean;
  readonly error?: string | null;
  readonly data?: string;
  readonly dest?: string;
  readonly io?: { readonly src: Traffic; readonly dst: Traffic };
  readonly status_line?: string;
  readonly status?: LineFields | { readonly mode: string } | string | null;
  readonly clone_map?: string;
  readonly dest_map?: string;
  readonly ondisk_hydrated_regions?: string;
  readonly hydrated_regions?: string;
  readonly table?: string;
  readonly table_line?: string;
  readonly label?: string;
  readonly desc?: string;
  readonly dmesg?: readonly string[];
  readonly ok?: boolean;
  readonly source_delay_ms?: number;
  readonly bad_source_region?: number;
  readonly hydrated?: number;
  readonly max_hydrating_seen?: number;
  readonly src_ios?: number;
  readonly src_sectors?: number;
  readonly events?: readonly number[];
  readonly events_after?: number;
  readonly ops?: string;
  readonly phase?: string;
  readonly status_1?: string;
  readonly hydrated_each_s?: readonly number[];
  readonly flush_nothing_changed?: { readonly md: Traffic; readonly dest: Traffic };
  readonly write_region_then_flush?: { readonly md: Traffic; readonly dest: Traffic };
}

/** A table line of a clone target, as far as it means something here. Sizes in bytes. */
export interface Table {
  readonly size: number;
  readonly regionSize: number;
  readonly noHydration: boolean;
  readonly noDiscardPassdown: boolean;
  readonly hydrationThreshold: number;
  readonly hydrationBatchSize: number;
}

/** Every line but the header, by scenario and in order. */
export function readTraces(): Map<string, TraceLine[]> {
  const path = new URL("../../../test/fixtures/dm-clone/traces.jsonl", import.meta.url);
  const text = readFileSync(fileURLToPath(path), "utf8");
  const scenarios = new Map<string, TraceLine[]>();
  for (const row of text.trimEnd().split("\n").slice(1)) {
    const line = JSON.parse(row) as TraceLine;
    const lines = scenarios.get(line.scenario) ?? [];
    lines.push(line);
    scenarios.set(line.scenario, lines);
  }
  return scenarios;
}

/** Reads a status line, of the kernel's or of ours; what counts metadata blocks is left out. */
export function parseStatusLine(line: string): LineFields | { readonly mode: string } {
  const words = line.split(" ").values();
  const next = (): string => words.next().value ?? "";
  const pairs = (count: number): [string, number][] =>
    Array.from({ length: count / 2 }, () => [next(), Number(next())]);
  if (next() !== "0" || Number(next()) <= 0 || next() !== "clone") throw new Error(line);
  const first = next();
  if (first === "Fail") return { mode: first };
  if (first !== "8" || !/^\d+\/\d+$/.test(next())) throw new Error(line);
  const region_size = Number(next());
  const [hydrated = Number.NaN, total = Number.NaN] = next().split("/").map(Number);
  const hydrating = Number(next());
  const features = Array.from({ length: Number(next()) }, next);
  const core = Object.fromEntries(pairs(Number(next())));
  return { region_size, hydrated, total, hydrating, features, core, mode: next() };
}

/**
 * The options that a table line stands for.
 *
 * @throws {SyntaxError} where it is no table line: ours have names and types instead.
 */
export function parseTable(line: string): Table {
  const words = line.split(" ");
  const [, length, , , , , region, features = "0"] = words;
  const named = words.slice(8, 8 + Number(features)).map((word) => word.toLowerCase());
  const core = words.slice(9 + Number(features));
  const count = Number(words[8 + Number(features)] ?? 0);
  const known = ["no_hydration", "no_discard_passdown"];
  if (named.length > 2 || named.some((name) => !known.includes(name))) {
    throw new SyntaxError("the feature arguments");
  }
  if (count % 2 === 1 || count > 4) throw new SyntaxError("the number of core arguments");
  const values = { hydration_threshold: 1, hydration_batch_size: 1 };
  for (let at = 0; at < count; at += 2) {
    const name = core[at] ?? "";
    if (!(name in values)) throw new SyntaxError("a core argument");
    values[name as keyof typeof values] = Number(core[at + 1]);
  }
  return {
    size: Number(length) * SECTOR_SIZE,
    regionSize: Number(region) * SECTOR_SIZE,
    noHydration: named.includes("no_hydration"),
    noDiscardPassdown: named.includes("no_discard_passdown"),
    hydrationThreshold: values.hydration_threshold,
    hydrationBatchSize: values.hydration_batch_size,
  };
}
